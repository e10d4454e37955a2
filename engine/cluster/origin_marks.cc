#include "engine/cluster/origin_marks.h"

#include <utility>

namespace sekisho {

bool OriginMarks::Advance(const Origin& origin) {
  if (origin.connector.empty()) return true;
  const auto found = by_stream_.find(View(origin.connector, origin.epoch, origin.stream));
  if (found != by_stream_.end()) {
    if (origin.position <= found->second->position) return false;
    found->second->position = origin.position;
    by_age_.splice(by_age_.end(), by_age_, found->second);
    return true;
  }
  if (by_age_.size() >= streams_max_) {
    const StreamMark& oldest = by_age_.front();
    by_stream_.erase(by_stream_.find(View(oldest.connector, oldest.epoch, oldest.stream)));
    by_age_.pop_front();
  }
  by_age_.push_back({std::string(origin.connector), origin.epoch, origin.stream, origin.position});
  by_stream_.emplace(Key(origin.connector, origin.epoch, origin.stream), std::prev(by_age_.end()));
  return true;
}

void OriginMarks::Restore(std::vector<StreamMark> marks) {
  by_age_.clear();
  by_stream_.clear();
  for (StreamMark& mark : marks) {
    Advance({mark.connector, mark.epoch, mark.stream, mark.position});
  }
}

}  // namespace sekisho
