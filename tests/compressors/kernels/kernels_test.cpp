#include "compressors/support.h"
#include "compressors/targets.h"
#include "terse/compressors/kernels/cpu/noise.h"
#include "terse/compressors/kernels/cpu/norm.h"
#include "terse/compressors/kernels/cpu/quantize/quantize.h"
#include "terse/compressors/kernels/cpu/select/select.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/reference/bits.h"

namespace terse::test {
namespace {

TEST(Targets, AreMoreThanTheBaselineWhereTheMachineHasAvx2) {
#if defined(__x86_64__)
  EXPECT_EQ(targets().size() > 1, __builtin_cpu_supports("avx2") != 0);
#else
  EXPECT_GE(targets().size(), 1u);
#endif
}

TEST(NoiseOctets, AreTheGeneratorsOwnNumbers) {
  constexpr std::uint64_t kStream = 0xfedcba9876543210u;
  on_every_target([&] {
    for (const std::uint32_t octet : {0u, 5u, 0x1ffffff0u, 0xfffffff0u}) {
      for (const std::size_t octets : {0u, 1u, 7u, 8u, 9u, 16u, 100u}) {
        std::vector<std::uint16_t> got(8 * octets);
        kernels::noise_octets(kStream, kLayer, octet, octets, got.data());
        for (std::size_t j = 0; j < got.size(); ++j) {
          const auto counter = octet + static_cast<std::uint32_t>(j / 8);
          const std::uint32_t word = noise_draw(kStream, counter, kLayer)[j % 8 / 2];
          ASSERT_EQ(got[j], j % 2 == 0 ? word & 0xffff : word >> 16)
              << octet << " " << octets << " " << j;
        }
      }
    }
  });
}

TEST(Pack, PlacesEachCodeInItsBits) {
  for (unsigned bits = 1; bits <= 8; ++bits) {
    for (std::size_t n = 0; n <= 70; ++n) {
      std::vector<std::uint8_t> codes(round_up(n, 8) + 8), wanted;
      for (std::size_t i = 0; i < n; ++i)
        codes[i] = static_cast<std::uint8_t>(mix64(i * 8 + bits) & ((1u << bits) - 1));
      wanted = codes;
      Payload packed(kernels::packed_bytes(n, bits) + 8, std::byte{0x5a});
      kernels::pack(codes.data(), n, bits, packed.data());
      for (std::size_t i = 0; i < n * bits; ++i) {
        const bool bit = (static_cast<unsigned>(packed[i / 8]) >> (i % 8)) & 1u;
        ASSERT_EQ(bit, ((wanted[i / bits] >> (i % bits)) & 1u) != 0)
            << bits << " bits, bit " << i << " of " << n;
      }
      for (std::size_t i = kernels::packed_bytes(n, bits); i < packed.size(); ++i) {
        ASSERT_EQ(packed[i], std::byte{0x5a}) << "wrote past the end";
      }
      Payload exact(packed.begin(), packed.end() - 8);
      std::vector<std::uint8_t> back(round_up(n, 8), 0xff);
      kernels::unpack(exact.data(), n, bits, back.data());
      ASSERT_TRUE(std::equal(back.begin(), back.end(), wanted.begin()))
          << bits << " bits, " << n << " codes";
    }
  }
}

TEST(RangeOf, IsTheLeastAndTheLargest) {
  for (const std::size_t n : {1u, 2u, 31u, 32u, 33u, 64u, 100u, 513u}) {
    const Floats values = gradient(n, n);
    const kernels::Range range = kernels::range_of(values.data(), n);
    EXPECT_EQ(range.low, *std::ranges::min_element(values));
    EXPECT_EQ(range.high, *std::ranges::max_element(values));
  }
}

TEST(SquaredNorm, IsTheSumInItsWrittenOrder) {
  for (const std::size_t n : {0u, 1u, 31u, 32u, 33u, 1000u, 65537u}) {
    const Floats values = gradient(n, n + 1);
    on_every_target([&] { EXPECT_EQ(squared_norm(values), reference::dot(values, values)); });
  }
  EXPECT_EQ(squared_norm(Floats{3, 4}), 25);
  EXPECT_TRUE(std::isnan(squared_norm(Floats{1, std::numeric_limits<float>::quiet_NaN()})));
}

TEST(Select, CountsAndVisitsWhatLiesBetween) {
  for (const std::size_t n : {0u, 1u, 31u, 32u, 33u, 2047u, 2048u}) {
    const Floats values = gradient(n, n + 5);
    for (const float bound : {0.0f, 1e-39f, 0.005f, 0.015625f, 0.1f, 10.0f}) {
      const std::uint32_t low = kernels::magnitude(bound);
      for (const std::uint32_t high : {low, low + 0x400000u, kernels::kLargestMagnitude}) {
        std::vector<std::size_t> wanted, got;
        for (std::size_t i = 0; i < n; ++i) {
          const std::uint32_t m = kernels::magnitude(values[i]);
          if (m >= low && m <= high) wanted.push_back(i);
        }
        kernels::visit_between(values, low, high, [&](std::size_t i, std::uint32_t m) {
          EXPECT_EQ(m, kernels::magnitude(values[i]));
          got.push_back(i);
        });
        EXPECT_EQ(got, wanted);
        if (high == kernels::kLargestMagnitude) {
          EXPECT_EQ(kernels::count_at_least(values.data(), n, low), wanted.size());
        }
      }
    }
  }
}

TEST(Sum, ReadsFloatsFromAnyAddress) {
  const Floats values = gradient(1000, 1), start = gradient(1000, 2);
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Payload bytes(4000 + shift);
    std::memcpy(bytes.data() + shift, values.data(), 4000);
    Floats acc = start, wanted = start;
    kernels::add_bytes(bytes.data() + shift, acc.data(), 1000);
    kernels::add(values.data(), wanted.data(), 1000);
    EXPECT_TRUE(same_bits(acc, wanted));
    for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(wanted[i], start[i] + values[i]);
  }
}

}  // namespace
}  // namespace terse::test
