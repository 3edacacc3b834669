#include "runtime/net/send_queue.h"

#include <fmt/format.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "runtime/base/check.h"
#include "runtime/base/endian.h"
#include "runtime/base/os_error.h"
#include "runtime/file/file_system.h"

namespace soliton {
namespace {

constexpr size_t kMaxPiecesPerCall = 512;
static_assert(kMaxPiecesPerCall <= IOV_MAX);
// Below this a copy through memory, coalesced with its neighbours, is cheaper than a sendfile of
// its own: two calls, and pages that begin and end in the middle.
constexpr int64_t kSendFileMinBytes = 64 * 1024;
// One gathered write stops growing here; also what is held in memory of a file without a
// descriptor.
constexpr int64_t kGatherBytes = 256 * 1024;

// Answers that carry no records.
constexpr int64_t kSmallFrameBytes = 512;
constexpr size_t kBlockBytes = 4096;

bool GoesBySendFile(const FileRegion& region) {
  return region.length >= kSendFileMinBytes && region.file->native_handle() >= 0;
}

absl::Status SocketError(int error_number) {
  return absl::UnavailableError(fmt::format("connection lost: {}", ErrnoText(error_number)));
}

}  // namespace

void SendQueue::Push(const BufferChain& frame) {
  CHECK(frame.size_bytes() <= std::numeric_limits<int32_t>::max(), "frame of {} bytes",
        frame.size_bytes());
  LengthPrefix prefix;
  StoreBigEndian(prefix.data(), static_cast<int32_t>(frame.size_bytes()));
  unsent_bytes_ += static_cast<int64_t>(prefix.size()) + frame.size_bytes();
  if (PushIntoBlock(frame, prefix)) return;
  pieces_.emplace_back(prefix);
  frame.ForEachPiece([this](const Buffer& memory) { pieces_.emplace_back(memory); },
                     [this](const FileRegion& region) { pieces_.emplace_back(region); });
}

bool SendQueue::PushIntoBlock(const BufferChain& frame, const LengthPrefix& prefix) {
  // A frame that is alone goes as it is.
  const Buffer* body = frame.single();
  if (pieces_.empty() || body == nullptr || frame.size_bytes() > kSmallFrameBytes) return false;
  const size_t bytes = prefix.size() + body->size();
  auto* block = std::get_if<Block>(&pieces_.back());
  if (block == nullptr || block->memory.size() - block->filled < bytes) {
    block = &std::get<Block>(pieces_.emplace_back(Block{Buffer::Allocate(kBlockBytes)}));
  }
  uint8_t* const to = block->memory.mutable_data() + block->filled;
  std::memcpy(to, prefix.data(), prefix.size());
  std::memcpy(to + prefix.size(), body->data(), body->size());
  block->filled += bytes;
  return true;
}

absl::StatusOr<SendQueue::Progress> SendQueue::WriteSome(int socket, int64_t budget_bytes) {
  while (!pieces_.empty()) {
    if (budget_bytes <= 0) return Progress::kPartial;
    const auto* region = std::get_if<FileRegion>(&pieces_.front());
    absl::StatusOr<int64_t> sent = region != nullptr && GoesBySendFile(*region)
                                       ? SendFile(socket, budget_bytes)
                                       : SendMemory(socket);
    if (!sent.ok()) return sent.status();
    if (*sent == 0) return Progress::kBlocked;
    budget_bytes -= *sent;
    DropFront(*sent);
  }
  return Progress::kDrained;
}

absl::StatusOr<int64_t> SendQueue::SendMemory(int socket) {
  if (absl::Status loaded = LoadSmallRegions(); !loaded.ok()) return loaded;
  std::array<iovec, kMaxPiecesPerCall> vectors;
  size_t count = 0;
  int64_t gathered_bytes = 0;
  size_t skip = front_sent_bytes_;
  bool region_follows = false;
  for (const Piece& piece : pieces_) {
    if (count == vectors.size() || gathered_bytes >= kGatherBytes) break;
    region_follows = std::holds_alternative<FileRegion>(piece);
    if (region_follows) break;
    const std::span<const uint8_t> bytes = MemoryOf(piece).subspan(skip);
    vectors[count++] = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
    gathered_bytes += static_cast<int64_t>(bytes.size());
    skip = 0;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  // MSG_MORE: the header of a region leaves in the same segment as the region.
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (region_follows ? MSG_MORE : 0);
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &message, flags);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  return SocketError(errno);
}

absl::StatusOr<int64_t> SendQueue::SendFile(int socket, int64_t budget_bytes) {
  FileRegion& region = std::get<FileRegion>(pieces_.front());
  off_t position = region.position;
  ssize_t sent;
  do {
    sent = ::sendfile(socket, region.file->native_handle(), &position,
                      static_cast<size_t>(std::min(region.length, budget_bytes)));
  } while (sent < 0 && errno == EINTR);
  if (sent > 0) return sent;
  if (sent == 0) {
    return absl::DataLossError(fmt::format("send {}: file ends at {}, {} bytes short",
                                           region.file->path(), region.position, region.length));
  }
  switch (errno) {
    case EAGAIN:
      return 0;
    case EIO:
    case EOVERFLOW:
      return ErrnoStatus(errno, "send", region.file->path());
    case EINVAL:
    case ENOSYS: {
      // This kind of file has no sendfile.
      if (absl::Status loaded = LoadRegion(0, kGatherBytes); !loaded.ok()) return loaded;
      return SendMemory(socket);
    }
    default:
      return SocketError(errno);
  }
}

std::span<const uint8_t> SendQueue::MemoryOf(const Piece& piece) {
  if (const auto* prefix = std::get_if<LengthPrefix>(&piece)) return *prefix;
  if (const auto* block = std::get_if<Block>(&piece)) {
    return block->memory.span().first(block->filled);
  }
  return std::get<Buffer>(piece).span();
}

// Before anything points into pieces_: splitting a region moves its neighbours.
absl::Status SendQueue::LoadSmallRegions() {
  int64_t gathered_bytes = 0;
  for (size_t i = 0; i < std::min(pieces_.size(), kMaxPiecesPerCall); ++i) {
    if (gathered_bytes >= kGatherBytes) break;
    if (const auto* region = std::get_if<FileRegion>(&pieces_[i])) {
      if (GoesBySendFile(*region)) break;
      if (absl::Status loaded = LoadRegion(i, kGatherBytes); !loaded.ok()) return loaded;
    }
    gathered_bytes += static_cast<int64_t>(MemoryOf(pieces_[i]).size());
  }
  return absl::OkStatus();
}

absl::Status SendQueue::LoadRegion(size_t index, int64_t max_bytes) {
  FileRegion& region = std::get<FileRegion>(pieces_[index]);
  Buffer loaded = Buffer::Allocate(static_cast<size_t>(std::min(region.length, max_bytes)));
  absl::StatusOr<size_t> count =
      region.file->ReadAt(region.position, {loaded.mutable_data(), loaded.size()});
  if (!count.ok()) return count.status();
  if (*count < loaded.size()) {
    return absl::DataLossError(
        fmt::format("send {}: file ends at {}, {} bytes short", region.file->path(),
                    region.position + static_cast<int64_t>(*count), loaded.size() - *count));
  }
  const auto size = static_cast<int64_t>(loaded.size());
  if (region.length == size) {
    pieces_[index] = std::move(loaded);
    return absl::OkStatus();
  }
  region.position += size;
  region.length -= size;
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(index), std::move(loaded));
  return absl::OkStatus();
}

void SendQueue::DropFront(int64_t bytes) {
  unsent_bytes_ -= bytes;
  while (bytes > 0) {
    Piece& front = pieces_.front();
    if (auto* region = std::get_if<FileRegion>(&front)) {
      // A region is only ever at the front while it is being sent.
      region->position += bytes;
      region->length -= bytes;
      if (region->length == 0) pieces_.pop_front();
      return;
    }
    const size_t left = MemoryOf(front).size() - front_sent_bytes_;
    if (static_cast<size_t>(bytes) < left) {
      front_sent_bytes_ += static_cast<size_t>(bytes);
      return;
    }
    bytes -= static_cast<int64_t>(left);
    front_sent_bytes_ = 0;
    pieces_.pop_front();
  }
}

void SendQueue::Clear() {
  pieces_.clear();
  front_sent_bytes_ = 0;
  unsent_bytes_ = 0;
}

}  // namespace soliton
