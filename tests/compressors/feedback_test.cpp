// The table of error feedbacks, and each of them joined to every codec.
#include "terse/compressors/feedback.h"

#include <set>

#include "compressors/codec_cases.h"
#include "compressors/support.h"

namespace terse::test {
namespace {

constexpr FeedbackOptions kWords{
    .momentum = 0.9f, .nesterov = true, .masking = true, .beta = 0.25f, .gamma = 0.5f};

TEST(Feedbacks, AreThePublishedRows) {
  const float kept = 1 - 0.9f;
  const std::pair<const char*, Feedback> rows[] = {
      {"none", {}},
      {"classic", {.ve = 1, .ev = 1, .ed = -1}},
      {"lr_inside", {.ve = 1, .ev = 1, .ed = -1, .lr_inside = true}},
      {"lr_inside_momentum",
       {.uu = 0.9f, .ug = 1, .vu = 1, .vg = 0, .ve = 1, .ev = 1, .ed = -1, .lr_inside = true}},
      {"decay", {.vg = 0.5f, .ve = 0.25f, .ev = 1, .ed = -1}},
      {"dgc",
       {.uu = 0.9f,
        .ug = 0.9f,
        .vu = 1,
        .vg = 1,
        .ve = 1,
        .ev = 1,
        .ed = -1,
        .clear_velocity = true}},
      {"ef21", {.ve = -1, .ee = 1, .ed = 1, .integrate = true}},
      {"ef21_sgdm",
       {.uu = 0.9f, .ug = kept, .vu = 1, .vg = 0, .ve = -1, .ee = 1, .ed = 1, .integrate = true}},
      {"lowpass", {.ve = 1, .ev = 0.25f, .ee = 0.75f, .ed = -0.25f}},
      {"demo", {.ve = 0.25f, .ev = 1, .ed = -1, .lr_inside = true}},
      {"sparseloco", {.ve = 0.25f, .ev = 1, .ed = -1}},
      {"signum", {.uu = 0.9f, .ug = kept, .vu = 1, .vg = 0}}};
  EXPECT_EQ(feedbacks().size(), std::size(rows));
  for (const auto& [name, row] : rows) {
    EXPECT_EQ(make_feedback(name, kWords), row) << name;
    EXPECT_EQ(feedback_info(name).owns_momentum, row.keeps_velocity()) << name;
  }
}

TEST(Feedbacks, TheLearningRateInsideIsAFactorOnTheGradientAndAUnit) {
  const Feedback inside = make_feedback("lr_inside", kWords).at(0.5f);
  EXPECT_EQ(inside.vg, 0.5f);
  EXPECT_EQ(inside.unit, 0.5f);
  EXPECT_EQ(inside.ve, 1);
  EXPECT_EQ(feedback::weight(inside, 4), 0.5f);
  EXPECT_EQ(feedback::second(inside, 4), (Feedback{.ev = 2, .ed = -2}));
  EXPECT_EQ(make_feedback("lr_inside_momentum", kWords).at(0.5f).vu, 0.5f);
  EXPECT_EQ(feedback::kClassic.at(0), feedback::kClassic);
  EXPECT_EQ(feedback::weight(feedback::kClassic, 3), 1.0f / 3);
  EXPECT_EQ(feedback::second(make_feedback("lowpass", kWords), 4),
            (Feedback{.ev = 1, .ee = 0.75f, .ed = -1}));
  for (const float lr : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()})
    EXPECT_THROW(make_feedback("lr_inside", kWords).at(lr), Error) << lr;
}

TEST(Feedbacks, RefuseNonsense) {
  EXPECT_THROW(make_feedback("clasic", {}), JobError);
  for (const float bad : {-0.1f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(make_feedback("signum", {.momentum = bad}), JobError) << bad;
    EXPECT_THROW(make_feedback("decay", {.beta = bad}), JobError) << bad;
  }
  EXPECT_THROW(make_feedback("decay", {.gamma = 0}), JobError);
  EXPECT_THROW(make_feedback("signum", {.momentum = 1}), JobError);
}

// Payload and memory are the reference's to the bit for every codec and each feedback it accepts.
TEST(Feedbacks, JoinEveryCodecToTheBit) {
  for (const auto& [options, level] : registry_cases()) {
    const auto codec = make_codec(options);
    std::size_t accepted = 0;
    for (const FeedbackInfo& info : feedbacks()) {
      const Feedback f = info.make(kWords).at(0.05f);
      try {
        codec->check(level, f);
      } catch (const JobError&) {
        continue;
      }
      ++accepted;
      for (const std::size_t n : {1u, 17u, 2049u, 10'001u}) {
        SCOPED_TRACE(fmt::format("{} {} {}", options.name, info.name, n));
        const Input in{.grad = gradient(n, 1),
                       .e = gradient(n, 2),
                       .u = gradient(n, 3),
                       .level = level,
                       .scale = 0.75f};
        const Encoded encoded = encode(*codec, in, f);
        ASSERT_EQ(encoded.bad, -1);
        expect_same(encoded, wanted_of(options, in, f), f);
      }
    }
    EXPECT_GE(accepted, codec->traits().majority_vote ? 2u : 3u) << options.name;
  }
}

TEST(Feedbacks, MemoryInPlaceIsTheSame) {
  const auto codec = make_codec({.name = "topk"});
  for (const FeedbackInfo& info : feedbacks()) {
    const Feedback f = info.make(kWords).at(0.05f);
    const Input in{
        .grad = gradient(5000, 1), .e = gradient(5000, 2), .u = gradient(5000, 3), .level = 0.1f};
    const Encoded apart = encode(*codec, in, f);
    Input own = in;
    Row row = row_of(own);
    row.e_out = own.e.data();
    row.u_out = own.u.data();
    row.out = own.grad.data();
    Payload body(codec->capacity(row.n, row.level));
    Mailbox box;
    box.emplace_back(std::vector<std::uint32_t>{row_tag(row)}, body.size());
    box[0].bind(body);
    Workspace workspace(codec->scratch(row.n, row.level));
    codec->encode({&row, 1}, f, in.key, box, {.scratch = workspace.bytes()});
    const ConstBytes sent = box[0].content();
    EXPECT_TRUE(std::equal(sent.begin(), sent.end(), apart.payload.begin(), apart.payload.end()));
    EXPECT_TRUE(!f.keeps_residual() || same_bits(own.e, apart.e)) << info.name;
    EXPECT_TRUE(!f.keeps_velocity() || same_bits(own.u, apart.u)) << info.name;
  }
}

}  // namespace
}  // namespace terse::test
