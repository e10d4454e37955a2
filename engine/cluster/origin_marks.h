// Which events of a partition have been seen before: one mark a stream. Within a stream, positions rise from event to event
// and a connector that retries goes back to where it was, so whatever is at or before the mark is a repeat.
#ifndef SEKISHO_ENGINE_CLUSTER_ORIGIN_MARKS_H_
#define SEKISHO_ENGINE_CLUSTER_ORIGIN_MARKS_H_

#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "engine/model/origin.h"

namespace sekisho {

// A fleet has tens of connectors of a few streams each. Beyond this, the stream that moved longest ago is forgotten.
// About 150 B each.
inline constexpr size_t kStreamsMax = 16'384;

// Thread-compatible.
class OriginMarks {
 public:
  explicit OriginMarks(size_t streams_max = kStreamsMax) : streams_max_(streams_max) {}

  // False if the event was seen before; otherwise it is seen from now on. An unknown origin is never seen before.
  bool Advance(const Origin& origin);

  // The stream that moved longest ago comes first.
  std::vector<StreamMark> marks() const { return {by_age_.begin(), by_age_.end()}; }
  void Restore(std::vector<StreamMark> marks);
  size_t size() const { return by_age_.size(); }

 private:
  using Key = std::tuple<std::string, uint64_t, uint32_t>;
  using View = std::tuple<std::string_view, uint64_t, uint32_t>;
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return View(std::get<0>(a), std::get<1>(a), std::get<2>(a)) < View(std::get<0>(b), std::get<1>(b), std::get<2>(b));
    }
  };

  const size_t streams_max_;
  std::list<StreamMark> by_age_;
  std::map<Key, std::list<StreamMark>::iterator, Less> by_stream_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_ORIGIN_MARKS_H_
