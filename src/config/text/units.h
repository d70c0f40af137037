// Numbers and quantities with units. Parsers return nothing unless the whole text is such a value;
// formatters return the canonical text, which parses to the same value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace terse {

// Whole numbers have neither fraction nor exponent; numbers are finite and decimal.
std::optional<std::int64_t> parse_whole(std::string_view text);
std::optional<double> parse_number(std::string_view text);
std::string format_number(double value);  // shortest text that parses to `value`

// Bytes per second from "100Mbit/s", "12.5 MB/s": bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s,
// GB/s, all decimal.
std::optional<double> parse_bandwidth(std::string_view text);
std::string format_bandwidth(double bytes_per_second);

// "60s", "0.1ms", "0": ns, us, ms, s, min. Whole nanoseconds, from 0 to 2^53.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::nanoseconds duration);

// Bytes from "1MB", "64KiB", "0": B, kB, MB (decimal), KiB, MiB. Whole bytes, from 0 to 2^53.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string format_size(std::int64_t bytes);

}  // namespace terse
