// What one shard hands to whoever takes over: packed states of accounts, and the marker that closes them.
#ifndef SEKISHO_ENGINE_MODEL_SNAPSHOT_H_
#define SEKISHO_ENGINE_MODEL_SNAPSHOT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/origin.h"

namespace sekisho {

// Packed records of accounts in one buffer; their form is engine/state's. A value: it can be handed to another thread.
class PackedRecords {
 public:
  void Add(AccountId id, std::string_view record) {
    bytes_.append(record);
    items_.push_back({id, bytes_.size()});
  }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  size_t bytes() const { return bytes_.size() + items_.size() * sizeof(Item); }
  AccountId id(size_t i) const { return items_[i].id; }
  std::string_view record(size_t i) const {
    const size_t begin = i == 0 ? 0 : items_[i - 1].end;
    return std::string_view(bytes_).substr(begin, items_[i].end - begin);
  }

 private:
  struct Item {
    AccountId id;
    size_t end = 0;  // in bytes_
  };
  std::string bytes_;
  std::vector<Item> items_;
};

// Everything of a shard that isn't keyed by account, and what it stands for.
struct ShardMarker {
  Offset next;               // the states hold every record before it, and none from it on
  Hash128 log_id;            // of the input log
  std::string policy;        // version of the policy in force
  Offset policy_from;        // first record that is decided by it; 0: the partition began with it
  std::string geo;           // version of the geo data
  EventTime time;            // the shard's
  std::vector<StreamMark> marks;  // the stream that moved longest ago comes first
  std::string globals;       // packed; its form is the fold's
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_SNAPSHOT_H_
