// CRC-32C (Castagnoli), the checksum of record batches and of our own files.
#pragma once

#include <cstdint>
#include <span>

namespace soliton {

// CRC-32C of `bytes`, continuing from `crc` (the value that an earlier call returned; 0 to start).
// Hardware-accelerated (ISA-L). Any thread.
uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0);

// The same value, one byte at a time from a table: the oracle that tests compare the fast one with.
uint32_t Crc32cTable(std::span<const uint8_t> bytes, uint32_t crc = 0);

}  // namespace soliton
