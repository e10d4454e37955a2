// Goal: by what a partition decides can be told from its marker's last record, however large the marker is. Method: a small one and
// one that has to be cut.
#include "engine/wire/policy_mark.h"

#include <gtest/gtest.h>

#include "engine/wire/snapshot_codec.h"

namespace sekisho::wire {
namespace {

TEST(PolicyMarkTest, StandsInTheMarkersLastRecord) {
  ShardMarker marker;
  marker.next = Offset{1234};
  marker.policy = "site-7-0011aabb";
  marker.policy_from = Offset{99};
  marker.time = EventTime::FromSeconds(1'772'409'600);
  for (const size_t globals : {size_t{10}, 3 * kMarkerPartBytes}) {
    marker.globals = std::string(globals, 'g');
    const std::vector<SnapshotRecord> records = EncodeShardMarker(PartitionId{3}, marker);
    EXPECT_EQ(records.size() > 1, globals > kMarkerPartBytes);
    EXPECT_EQ(records.back().key, kMarkerKey);
    const auto mark = DecodePolicyMark(records.back().value);
    ASSERT_TRUE(mark.ok()) << mark.status();
    EXPECT_EQ(mark->next, marker.next);
    EXPECT_EQ(mark->version, marker.policy);
    EXPECT_EQ(mark->from, marker.policy_from);
    EXPECT_EQ(mark->time, marker.time);
    MarkerAssembler assembler;
    for (const SnapshotRecord& record : records) {
      const auto back = assembler.Take(PartitionId{3}, record.key, record.value);
      ASSERT_TRUE(back.ok()) << back.status();
      if (&record != &records.back()) continue;
      ASSERT_TRUE(back->has_value());
      EXPECT_EQ((*back)->policy_from, marker.policy_from);
      EXPECT_EQ((*back)->policy, marker.policy);
    }
  }
  EXPECT_FALSE(DecodePolicyMark("\xff").ok());
}

}  // namespace
}  // namespace sekisho::wire
