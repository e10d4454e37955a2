// Goal: lines come back in the order of time, ties in the order of arrival, whether they fit into memory or
// not, and what is later than a drain comes with the next one. Method: random lines from a fixed seed against
// a stable sort of all of them.
#include "engine/simulate/line_store.h"

#include <algorithm>
#include <tuple>

#include "engine/simulate/random.h"
#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

using Line = std::pair<Micros, std::string>;

TEST(LineStoreTest, AgreesWithAStableSortWhetherItSpillsOrNot) {
  for (const size_t lines_max : {size_t{7}, size_t{100}, size_t{1'000'000}}) {
    Random random(Key({lines_max}));
    LineStore store(lines_max);
    std::vector<Line> expected, got;
    int number = 0;
    for (Micros end : {1'000, 1'000, 2'000, 5'000}) {
      for (int i = 0; i < 500; ++i) {
        const Line line{end - 1'000 + static_cast<Micros>(random.Below(2'500)),
                        "line " + std::to_string(number++)};
        expected.push_back(line);
        store.Add(LineInfo{line.first, static_cast<uint64_t>(number), LogFile::kImap1, Program::kDovecot,
                           Place::kAlone},
                  line.second);
      }
      ASSERT_TRUE(store
                      .Drain(end,
                             [&](const LineInfo& info, std::string_view message) {
                               EXPECT_LT(info.at, end);
                               EXPECT_EQ(info.file, LogFile::kImap1);
                               got.emplace_back(info.at, message);
                               return absl::OkStatus();
                             })
                      .ok());
      std::stable_sort(expected.begin(), expected.end(),
                       [](const Line& a, const Line& b) { return a.first < b.first; });
      const auto later =
          std::find_if(expected.begin(), expected.end(), [&](const Line& l) { return l.first >= end; });
      EXPECT_EQ(got, std::vector<Line>(expected.begin(), later)) << lines_max;
      got.clear();
      expected.erase(expected.begin(), later);
    }
  }
}

TEST(LineStoreTest, AnErrorOfTheTakerEndsTheDrain) {
  LineStore store;
  store.Add(LineInfo{}, "a");
  EXPECT_EQ(store.Drain(1, [](const LineInfo&, std::string_view) { return absl::CancelledError("full"); })
                .message(),
            "full");
}

}  // namespace
}  // namespace sekisho::simulate
