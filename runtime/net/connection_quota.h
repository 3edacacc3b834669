// How many connections a listener has, altogether and of each address. Pure; one owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace soliton {

class ConnectionQuota {
 public:
  ConnectionQuota(int64_t most, int64_t most_per_address)
      : most_(most), most_per_address_(most_per_address) {}

  enum class Verdict { kAdmitted, kTooMany, kTooManyOfAddress };
  // Admitted connections count until Release().
  Verdict Admit(const std::string& address) {
    if (count_ >= most_) return Verdict::kTooMany;
    int64_t& of_address = by_address_[address];
    if (of_address >= most_per_address_) {
      if (of_address == 0) by_address_.erase(address);
      return Verdict::kTooManyOfAddress;
    }
    ++of_address;
    ++count_;
    return Verdict::kAdmitted;
  }
  void Release(const std::string& address) {
    auto found = by_address_.find(address);
    if (found == by_address_.end()) return;
    --count_;
    if (--found->second == 0) by_address_.erase(found);
  }
  int64_t count() const { return count_; }
  size_t addresses() const { return by_address_.size(); }

 private:
  const int64_t most_;
  const int64_t most_per_address_;
  int64_t count_ = 0;
  std::map<std::string, int64_t> by_address_;
};

}  // namespace soliton
