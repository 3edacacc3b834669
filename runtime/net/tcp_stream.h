// What a TcpConnection does, kept alive by its pending socket operations as well as by the
// connection. Owner: the shard it was made on.
//
// All callbacks run from the event loop (a completed read or write, or a posted task), never inside
// a call from the owner; after each one the handler may have closed, released or destroyed
// anything, so state is looked at again.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "runtime/base/unique_fd.h"
#include "runtime/loop/asio_shard.h"
#include "runtime/loop/owner.h"
#include "runtime/net/frame_reader.h"
#include "runtime/net/send_queue.h"
#include "runtime/net/transport.h"

namespace soliton {

class TcpStream : public std::enable_shared_from_this<TcpStream> {
 public:
  // `socket` is connected and belongs to the shard's io_context.
  // `ticket` is let go with the socket: how a listener counts its connections.
  TcpStream(AsioShard& shard, boost::asio::ip::tcp::socket socket, const ConnectionOptions& options,
            std::shared_ptr<void> ticket = nullptr)
      : TcpStream(shard, std::move(socket), FrameReader(options.max_frame_bytes),
                  std::move(ticket)) {}
  // With what another stream had read of this socket.
  TcpStream(AsioShard& shard, boost::asio::ip::tcp::socket socket, FrameReader reader,
            std::shared_ptr<void> ticket);

  void Start(ConnectionHandler* handler);
  void Send(BufferChain frame);
  void PauseReading();
  void ResumeReading();
  void Close();
  // The owner let go: close without a callback. Any thread, because a task that held the last
  // reference may be dropped anywhere.
  void Abandon();

  // See FramedConnection::MoveTo.
  struct Parts {
    UniqueFd fd;
    boost::asio::ip::tcp protocol;
    FrameReader reader;
    std::shared_ptr<void> ticket;
  };
  bool CanMove() const;
  // Takes the stream apart: it counts as closed then.
  Parts Detach();

  int64_t partial_frame_bytes() const { return reader_.partial_bytes(); }
  int64_t unsent_bytes() const { return queue_.unsent_bytes(); }
  bool has_unread() const;
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }

 private:
  void BeginRead();
  void OnRead(const boost::system::error_code& error, size_t bytes);
  // Hands out what has been read, then answers, then reads on.
  void Deliver();
  // Delivers the next frame, if it is whole and admitted: whether another one may follow.
  absl::StatusOr<bool> DeliverOne();
  void PostFlush();
  void Flush();
  void WaitWritable();
  // Ends the connection and tells the handler. From the event loop only.
  void Finish(const absl::Status& why);
  void TearDown();

  Owner owner_;
  AsioShard& shard_;
  boost::asio::ip::tcp::socket socket_;
  std::string peer_;
  std::string local_;
  FrameReader reader_;
  SendQueue queue_;
  ConnectionHandler* handler_ = nullptr;
  std::shared_ptr<void> ticket_;
  bool paused_ = false;
  bool admitted_ = false;  // the frame that comes next
  bool read_pending_ = false;
  bool deliver_posted_ = false;
  bool delivering_ = false;  // Deliver is on the stack and will flush
  bool flush_posted_ = false;
  bool wait_pending_ = false;
  bool closing_ = false;  // Close was called: no more frames in or out
  bool closed_ = false;   // the socket is gone
};

}  // namespace soliton
