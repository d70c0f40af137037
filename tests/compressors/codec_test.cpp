// The contract of codec.h, tested on every codec.
#include "terse/compressors/codec.h"

#include <fmt/ranges.h>

#include <functional>

#include "compressors/codec_cases.h"
#include "compressors/support.h"
#include "terse/compressors/sparse/sparse_message.h"

namespace terse::test {
namespace {

std::vector<std::size_t> shapes(std::uint32_t block) {
  std::vector<std::size_t> sizes{0,    1,    2,    3,      17,     509,    2047,
                                 2048, 2049, 7919, 65'535, 65'536, 65'537, 200'000};
  if (block > 1)
    sizes.insert(sizes.end(), {block - 1, block, block + 1, 4 * std::size_t{block} + 1});
  return sizes;
}

class Codecs : public testing::TestWithParam<Case> {
 protected:
  std::shared_ptr<const Codec> codec_ = make_codec(GetParam().options);
  float level_ = GetParam().level;

  Input input(std::size_t n, std::uint64_t seed) const {
    return {.grad = gradient(n, seed),
            .e = gradient(n, seed + 100),
            .u = gradient(n, seed + 200),
            .level = level_};
  }

  // A rank's own contribution to a sum: its row, or its votes.
  Floats own_share(Floats v) const {
    for (float& x : v) {
      if (codec_->traits().majority_vote) x = x < 0 ? -1.0f : 1.0f;
    }
    return v;
  }
};

TEST_P(Codecs, ResidualIsVMinusDecodedToTheBit) {
  for (const std::size_t n : shapes(codec_->traits().block)) {
    const Input in = input(n, n);
    const Encoded encoded = encode(*codec_, in, feedback::kClassic);
    ASSERT_EQ(encoded.bad, -1);
    const Floats v = fold_all(in, feedback::kClassic),
                 decoded = decode(*codec_, encoded.payload, in);
    Floats e(n);
    for (std::size_t i = 0; i < n; ++i) e[i] = v[i] - decoded[i];
    EXPECT_TRUE(same_bits(encoded.e, e)) << n;
  }
}

// Feedbacks whose residual is not v - dec, and feedbacks with a velocity.
TEST_P(Codecs, FollowsAnyFeedbackToTheBit) {
  const Feedback all[] = {{.ve = 1, .ev = 0.3f, .ee = 0.7f, .ed = -0.3f},
                          {.ve = -1, .ev = 0, .ee = 1, .ed = 1},
                          {.uu = 0.7f, .ug = 0.3f, .vu = 1, .vg = 0, .ve = -1, .ee = 1, .ed = 1},
                          {.vg = 0.5f, .ve = 0.9f, .ev = 1, .ed = -1},
                          feedback::dgc(0.9f, true, true),
                          {.uu = 0.9f, .ug = 0.1f, .vu = 1, .vg = 0}};
  for (const Feedback& f : all) {
    for (const std::size_t n : {1u, 509u, 2049u, 70'001u}) {
      const Input in = input(n, n);
      const Encoded encoded = encode(*codec_, in, f);
      ASSERT_EQ(encoded.bad, -1);
      Floats u, v = fold_all(in, f, &u);
      const Floats decoded = decode(*codec_, encoded.payload, in);
      if (f.keeps_residual()) {
        Floats e(n);
        for (std::size_t i = 0; i < n; ++i)
          e[i] = reference::residual(f, v[i], in.e[i], decoded[i]);
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(encoded.e[i], e[i]) << i << " of " << n;
      }
      if (f.keeps_velocity() && !f.clear_velocity) {
        EXPECT_TRUE(same_bits(encoded.u, u)) << n;
      }
    }
  }
}

TEST_P(Codecs, StaysWithinItsCapacity) {
  for (const std::size_t n : shapes(codec_->traits().block)) {
    const std::size_t capacity = codec_->capacity(static_cast<std::uint32_t>(n), level_);
    for (const Floats& values : {gradient(n, n), Floats(n), Floats(n, -1.5f)}) {
      const std::size_t sent =
          encode(*codec_, {.grad = values, .level = level_}, feedback::kNone).payload.size();
      EXPECT_LE(sent, capacity) << n;
      if (codec_->traits().fixed_size) {
        EXPECT_EQ(sent, capacity) << n;
      }
    }
  }
}

TEST_P(Codecs, EncodesTheSameTwiceAndWhereverItsMemoryLies) {
  const Input in = input(70'001, 5);
  const Encoded once = encode(*codec_, in, feedback::kClassic),
                again = encode(*codec_, in, feedback::kClassic);
  EXPECT_EQ(once.payload, again.payload);

  // In place, in the second row of a frame, at an odd address.
  Floats e = in.e;
  Row rows[2] = {row_of(in), row_of(in)};
  rows[0].n = 0;
  rows[0].e_out = nullptr;
  rows[1].slot = 1;
  rows[1].e_in = rows[1].e_out = e.data();
  const std::size_t first = codec_->capacity(0, level_),
                    capacity = first + codec_->capacity(rows[1].n, level_);
  Payload body(capacity + 1);
  Mailbox out;
  out.emplace_back(std::vector<std::uint32_t>{1, 2}, capacity);
  out[0].bind(Bytes(body).subspan(1));
  Workspace workspace(codec_->scratch(rows[1].n, level_));
  codec_->encode(rows, feedback::kClassic, in.key, out, {.scratch = workspace.bytes()});
  EXPECT_TRUE(std::ranges::equal(out[0].payload(1), once.payload));
  EXPECT_TRUE(same_bits(e, once.e));

  Floats result(in.grad.size());
  rows[1].out = result.data();
  codec_->decode({rows + 1, 1}, out, 1, feedback::kNone, {.scratch = workspace.bytes()});
  EXPECT_TRUE(same_bits(result, decode(*codec_, once.payload, in)));
}

// Rank order, fp32, own row exact, one multiplication by the weight at the end; sparse codecs
// multiply each value.
TEST_P(Codecs, SumsInRankOrderWithItsOwnRowExact) {
  const bool sparse = codec_info(codec_->name()).family == "sparse";
  constexpr float kWeight = 1.0f / 3;
  const Feedback own = feedback::dgc(0.9f, true, false);
  for (const std::size_t n : {1u, 777u, 2048u, 70'001u}) {
    const Input mine = input(n, 1);
    Floats u, v = fold_all(mine, own, &u);
    for (int position = -1; position < 3; ++position) {
      std::vector<Payload> payloads;
      std::vector<Floats> parts;
      for (int rank = 0; rank < 3; ++rank) {
        Input in = input(n, 10 + rank);
        in.key.rank = static_cast<std::uint32_t>(rank);
        payloads.push_back(encode(*codec_, in, feedback::kClassic).payload);
        parts.push_back(rank == position ? own_share(v) : decode(*codec_, payloads.back(), in));
      }
      Floats wanted(n);
      for (std::size_t i = 0; i < n; ++i) {
        if (sparse) {
          for (const Floats& part : parts) wanted[i] += kWeight * part[i];
        } else {
          wanted[i] = kWeight * ((parts[0][i] + parts[1][i]) + parts[2][i]);
        }
      }
      std::vector<Payload*> given{&payloads[0], &payloads[1], &payloads[2]};
      if (position >= 0) given[static_cast<std::size_t>(position)] = nullptr;
      Floats velocity;
      const Floats got = decode(*codec_, given, mine, own, kWeight, &velocity);
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], wanted[i]) << i << " of " << n;
      EXPECT_TRUE(same_bits(velocity, position >= 0 ? u : Floats(n, -77.0f)));
    }
  }
}

TEST_P(Codecs, ItsOwnExactRowCountsAsSent) {
  const Input mine = input(5000, 1);
  Floats velocity;
  decode(*codec_, {nullptr}, mine, feedback::dgc(0.9f, false, true), 1, &velocity);
  EXPECT_TRUE(same_bits(velocity, Floats(5000)));
}

TEST_P(Codecs, MayWriteTheSumOverItsOwnGradient) {
  const Input mine = input(70'001, 1);
  Payload other = encode(*codec_, input(70'001, 2), feedback::kClassic).payload;
  const Floats wanted = decode(*codec_, {&other, nullptr}, mine, feedback::kClassic, 0.5f);
  Floats grad = mine.grad;
  Row row = row_of(mine);
  row.grad = row.out = grad.data();
  row.frame = kEvery;
  Mailbox in;
  in.push_back(frame_of(other));
  in.emplace_back();
  Workspace workspace(codec_->scratch(row.n, level_));
  codec_->decode({&row, 1}, in, 0.5f, feedback::kClassic, {.scratch = workspace.bytes()});
  EXPECT_TRUE(same_bits(grad, wanted));
}

TEST_P(Codecs, AWorldOfOneKeepsItsValues) {
  const Input mine = input(5000, 1);
  const Floats v = own_share(fold_all(mine, feedback::kClassic)),
               got = decode(*codec_, {nullptr}, mine, feedback::kClassic, 1);
  for (std::size_t i = 0; i < v.size(); ++i) ASSERT_EQ(got[i], v[i]);
}

TEST_P(Codecs, ABadRowIsNamedAndSentAsZeros) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t n : {1u, 2048u, 70'001u}) {
      for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
        Input in = input(n, 1);
        in.grad[at] = bad;
        Encoded encoded = encode(*codec_, in, feedback::kClassic);
        EXPECT_EQ(encoded.bad, 0);
        EXPECT_LE(encoded.payload.size(), codec_->capacity(static_cast<std::uint32_t>(n), level_));
        EXPECT_TRUE(same_bits(decode(*codec_, encoded.payload, in), Floats(n)));
        in.grad[at] = 0;
        in.e[at] = bad;
        EXPECT_EQ(encode(*codec_, in, feedback::kClassic).bad, 0);
        EXPECT_EQ(encode(*codec_, in, feedback::kNone).bad, -1);
      }
    }
  }
}

TEST_P(Codecs, NamesTheFirstBadRowAndSendsTheOthers) {
  const Floats nan(100, std::numeric_limits<float>::quiet_NaN());
  const Input good{.grad = gradient(100, 1), .level = level_}, bad{.grad = nan, .level = level_};
  Row rows[4] = {row_of(good), row_of(bad), row_of(bad), row_of(good)};
  const std::size_t capacity = 4 * codec_->capacity(100, level_);
  Payload body(capacity);
  Mailbox out;
  out.emplace_back(std::vector<std::uint32_t>{1, 2, 3, 4}, capacity);
  out[0].bind(body);
  Workspace workspace(codec_->scratch(100, level_));
  for (const std::int64_t before : {-1, 77}) {
    std::int64_t first = before;
    out[0].clear();
    codec_->encode(rows, feedback::kNone, good.key, out,
                   {.scratch = workspace.bytes(), .bad_row = &first});
    EXPECT_EQ(first, before < 0 ? 1 : 77);
  }
  const Payload alone = encode(*codec_, good, feedback::kNone).payload;
  EXPECT_TRUE(std::ranges::equal(out[0].payload(0), alone));
  EXPECT_TRUE(std::ranges::equal(out[0].payload(3), alone));
}

// Bypasses the checksum of the frame: decoding must refuse the payload or return values.
TEST_P(Codecs, SurvivesEveryFlippedBitAndEveryTruncation) {
  for (const std::size_t n : {1u, 13u, 300u}) {
    const Input in = input(n, 3);
    const Payload good = encode(*codec_, in, feedback::kClassic).payload;
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
      Payload damaged = good;
      damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      try {
        EXPECT_EQ(decode(*codec_, damaged, in).size(), n);
      } catch (const DamagedMessage& error) {
        ++refused;
        EXPECT_NE(std::string(error.what()).find("row 0"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("rank 0"), std::string::npos) << error.what();
      }
    }
    if (codec_info(codec_->name()).family == "sparse") {
      EXPECT_GE(refused, 40u);  // what the head says of the rest
    }
    for (std::size_t length = 0; length < good.size(); ++length) {
      Payload cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_THROW(decode(*codec_, cut, in), DamagedMessage) << length;
    }
    Payload longer = good;
    longer.push_back(std::byte{0});
    EXPECT_THROW(decode(*codec_, longer, in), DamagedMessage);
  }
}

TEST_P(Codecs, SurvivesRandomBytes) {
  const Input shape = input(1000, 1);
  const std::size_t capacity = codec_->capacity(1000, level_);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const RandomStream stream(seed, "noise");
    Payload noise(seed % 4 == 0 ? stream.below(0, capacity + 1) : capacity);
    for (std::size_t i = 0; i < noise.size(); ++i)
      noise[i] = static_cast<std::byte>(stream.bits(i));
    if (noise.size() >= 8 && seed % 2 == 0)
      store(noise.data(), std::uint64_t{1} | stream.below(1, 1200) << 32);
    try {
      EXPECT_EQ(decode(*codec_, noise, shape).size(), 1000u);
    } catch (const DamagedMessage& error) {
      EXPECT_NE(std::string(error.what()).find("cannot be decoded"), std::string::npos);
    }
  }
}

TEST_P(Codecs, DrivesProgressAndStaysInItsScratch) {
  struct Counter : ProgressHook {
    void drive() override { ++calls; }
    int calls = 0;
  } counter;
  constexpr std::size_t kN = 1'000'000;
  const Input in{.grad = gradient(kN, 1), .level = level_};
  Row row = row_of(in);
  Floats e(kN), out(kN);
  row.e_out = e.data();
  row.out = out.data();
  Payload body(codec_->capacity(row.n, level_));
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{1}, body.size());
  box[0].bind(body);
  Workspace workspace(codec_->scratch(row.n, level_));
  codec_->encode({&row, 1}, feedback::kClassic, in.key, box,
                 {.scratch = workspace.bytes(), .progress = &counter});
  EXPECT_GE(counter.calls, 10);
  counter.calls = 0;
  codec_->decode({&row, 1}, box, 1, feedback::kNone,
                 {.scratch = workspace.bytes(), .progress = &counter});
  EXPECT_GE(counter.calls, 10);
}

TEST_P(Codecs, MisuseIsAnErrorAndNoCrash) {
  const Input in{.grad = gradient(100, 1), .level = level_};
  Row row = row_of(in);
  Floats out(100);
  row.out = out.data();
  Payload body(codec_->capacity(100, level_));
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{1}, body.size());
  box[0].bind(body);
  Workspace workspace(codec_->scratch(100, level_)), little(8);
  const Exec exec{.scratch = workspace.bytes()};
  const auto encodes = [&](const Row& one, const Feedback& f, const Exec& with) {
    box[0].clear();
    codec_->encode({&one, 1}, f, {}, box, with);
  };
  EXPECT_THROW(encodes(row, feedback::kClassic, exec), Error);  // nowhere to keep the residual
  EXPECT_THROW(encodes(row, feedback::dgc(0.9f, false, true), exec), Error);  // nor the velocity
  EXPECT_THROW(encodes(row, feedback::kNone, {.scratch = little.bytes()}), Error);
  Row other = row;
  other.frame = 1;
  EXPECT_THROW(encodes(other, feedback::kNone, exec), Error);
  EXPECT_THROW(codec_->decode({&other, 1}, box, 1, feedback::kNone, exec), Error);
  other = row;
  other.slot = 1;
  EXPECT_THROW(codec_->decode({&other, 1}, box, 1, feedback::kNone, exec), Error);
  encodes(row, feedback::kNone, exec);
  EXPECT_THROW(codec_->encode({&row, 1}, feedback::kNone, {}, box, exec),
               Error);  // the frame is full
}

INSTANTIATE_TEST_SUITE_P(All, Codecs, testing::ValuesIn(cases()),
                         [](const auto& one) { return test_name(one.param); });

TEST(Registry, ListsTheCodecsAndRefusesOthersByListingThem) {
  for (const std::string_view name : codec_names()) {
    EXPECT_EQ(make_codec({.name = std::string(name)})->name(), name);
  }
  EXPECT_EQ(codec_names().size(), codecs().size());
  try {
    make_codec({.name = "zip"});
    FAIL() << "zip was taken for a codec";
  } catch (const JobError& error) {
    const std::string wanted =
        fmt::format("there is no codec 'zip'; there are {}.", fmt::join(codec_names(), ", "));
    EXPECT_EQ(error.what(), wanted);
  }
}

TEST(Registry, PublishesEachCodecWithItsExchange) {
  for (const std::string_view name : codec_names()) {
    const Traits traits = make_codec({.name = std::string(name)})->traits();
    const bool sparse = codec_info(name).family == "sparse";
    EXPECT_EQ(traits.block == 0, sparse || codec_info(name).family == "low rank") << name;
    EXPECT_EQ(traits.pattern == Pattern::reduce_scatter,
              !sparse && codec_info(name).family != "low rank")
        << name;
    EXPECT_EQ(traits.biased,
              sparse || codec_info(name).family == "low rank" || codec_info(name).family == "sign")
        << name;
    EXPECT_EQ(traits.pattern == Pattern::low_rank, codec_info(name).family == "low rank") << name;
  }
}

TEST(SecondEncode, KeepsTheResidualOfTheSum) {
  const Feedback second = feedback::second(feedback::kClassic, 3);
  for (const char* name : {"fp16", "bf16", "maxmin"}) {
    const auto codec = make_codec({.name = name});
    const Input in{.grad = gradient(5000, 1), .e = gradient(5000, 2), .level = 4};
    const Encoded encoded = encode(*codec, in, second);
    const Floats decoded = decode(*codec, encoded.payload, in);
    Floats e(5000);
    for (std::size_t i = 0; i < e.size(); ++i) e[i] = 3.0f * in.grad[i] + -3.0f * decoded[i];
    EXPECT_TRUE(same_bits(encoded.e, e)) << name;
  }
}

}  // namespace
}  // namespace terse::test
