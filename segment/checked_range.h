// Which bytes of a segment file must be checked before they are served: those that this process
// neither wrote nor has checked since it opened the file. What it wrote itself comes from its own
// pages. Readers go forwards, so one piece is remembered. Pure; positions in bytes, at batch
// boundaries.
#pragma once

#include <algorithm>
#include <cstdint>

namespace soliton::segment {

class CheckedRange {
 public:
  // Of a file that had `size_bytes` when it was opened.
  explicit CheckedRange(int64_t size_bytes) : written_from_(size_bytes) {}

  struct Piece {
    int64_t from = 0;
    int64_t to = 0;
    bool empty() const { return from >= to; }
  };
  // What of [from, to) is to be checked.
  Piece Unchecked(int64_t from, int64_t to) const {
    Piece piece{from, std::min(to, written_from_)};
    if (piece.from >= begin_ && piece.from <= end_) piece.from = std::max(piece.from, end_);
    return piece;
  }
  // It was, and is right.
  void Checked(const Piece& piece) {
    if (piece.from == end_) {
      end_ = piece.to;
    } else {
      begin_ = piece.from;
      end_ = piece.to;
    }
    if (end_ >= written_from_) written_from_ = begin_;
  }
  // The file ends here now; what comes behind will be written by this process.
  void Cut(int64_t size_bytes) {
    written_from_ = std::min(written_from_, size_bytes);
    end_ = std::min(end_, size_bytes);
    begin_ = std::min(begin_, end_);
  }

 private:
  int64_t written_from_;
  int64_t begin_ = 0;  // checked: [begin_, end_)
  int64_t end_ = 0;
};

}  // namespace soliton::segment
