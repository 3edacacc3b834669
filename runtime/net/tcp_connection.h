// The owner's handle on a TcpStream: letting go of it closes the stream.
#pragma once

#include <memory>

#include "runtime/net/tcp_stream.h"

namespace soliton {

class TcpConnection final : public FramedConnection {
 public:
  explicit TcpConnection(std::shared_ptr<TcpStream> stream) : stream_(std::move(stream)) {}
  ~TcpConnection() override { stream_->Abandon(); }

  void Start(ConnectionHandler* handler) override { stream_->Start(handler); }
  void Send(BufferChain frame) override { stream_->Send(std::move(frame)); }
  int64_t unsent_bytes() const override { return stream_->unsent_bytes(); }
  int64_t partial_frame_bytes() const override { return stream_->partial_frame_bytes(); }
  bool has_unread() const override { return stream_->has_unread(); }
  void PauseReading() override { stream_->PauseReading(); }
  void ResumeReading() override { stream_->ResumeReading(); }
  void Close() override { stream_->Close(); }
  bool CanMove() const override { return stream_->CanMove(); }
  void MoveTo(Shard& target,
              absl::AnyInvocable<void(std::shared_ptr<FramedConnection>)> done) override;
  std::string peer() const override { return stream_->peer(); }
  std::string local() const override { return stream_->local(); }

 private:
  const std::shared_ptr<TcpStream> stream_;
};

}  // namespace soliton
