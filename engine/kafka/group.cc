#include "engine/kafka/group.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kafka/publisher.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

constexpr Span kMetadataMax = Span::Seconds(3);
// An offset that a transaction still holds comes back unanswered only when this is over.
constexpr Span kCommittedMax = Span::Millis(300);
constexpr Span kOwnerMax = Span::Seconds(2);
constexpr int kMessagesPerPoll = 100;
// An earlier owner that hands over in good order is through within milliseconds. One that holds an offset this often in a
// row is dead or asleep, and its transaction would be open until it times out.
constexpr int kUnstableMax = 2;

// How librdkafka writes it: a magic word, then the number, in this machine's order. A later version may write otherwise.
constexpr int32_t kUnknownNumber = INT32_MAX;
int32_t NumberOf(const rd_kafka_consumer_group_metadata_t* metadata) {
  constexpr std::string_view kMagic = "CGMDv2:";
  void* bytes = nullptr;
  size_t size = 0;
  if (ErrorHandle error(rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size)); error != nullptr) return kUnknownNumber;
  int32_t number = kUnknownNumber;
  const std::string_view text(static_cast<const char*>(bytes), size);
  if (text.substr(0, kMagic.size()) == kMagic && size >= kMagic.size() + sizeof(number)) {
    std::memcpy(&number, text.data() + kMagic.size(), sizeof(number));
  }
  rd_kafka_mem_free(nullptr, bytes);
  return number;
}

}  // namespace

KafkaGroup::KafkaGroup(const Options& options, Asker* asker, Trouble* trouble)
    : options_(options), trouble_(trouble), trouble_of_{"group", trouble, absl::StrCat("group ", options.group, ", ", options.instance)}, checks_(asker), committed_(asker) {}

absl::StatusOr<std::unique_ptr<KafkaGroup>> KafkaGroup::Make(const Options& options, Asker* asker, Trouble* trouble, Wake* wake) {
  absl::StatusOr<ConfHandle> conf = MemberConf(options.settings, options.group, options.instance);
  if (!conf.ok()) return conf.status();
  std::unique_ptr<KafkaGroup> group(new KafkaGroup(options, asker, trouble));
  // Callbacks of one client share the opaque.
  rd_kafka_conf_set_opaque(conf->get(), group.get());
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t* client, int code, const char* reason, void* self) {
    Trouble::OnError(client, code, reason, &static_cast<KafkaGroup*>(self)->trouble_of_);
  });
  rd_kafka_conf_set_rebalance_cb(conf->get(), [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void* self) {
    static_cast<KafkaGroup*>(self)->OnRebalance(what, partitions);
  });
  char text[kTextBytesMax];
  group->client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf->get(), text, sizeof(text));
  if (group->client_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the client's now
  rd_kafka_poll_set_consumer(group->client_);
  group->queue_.reset(rd_kafka_queue_get_consumer(group->client_));
  wake->SignalOn(group->queue_.get());
  return group;
}

KafkaGroup::~KafkaGroup() {
  generation_.reset();
  if (queue_ != nullptr) Wake::Silence(queue_.get());
  queue_.reset();
  DestroyWithin(client_, kDestroyMax);
}

// On librdkafka's call from within Poll.
void KafkaGroup::OnRebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* partitions) {
  change_.partitions.clear();
  for (int i = 0; i < partitions->cnt; ++i) {
    if (options_.input() == partitions->elems[i].topic) change_.partitions.push_back(PartitionId{partitions->elems[i].partition});
  }
  std::sort(change_.partitions.begin(), change_.partitions.end());
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    change_.kind = GroupChange::Kind::kAssigned;
    auto generation = std::make_shared<Generation>();
    generation_.reset();
    generation->metadata.reset(rd_kafka_consumer_group_metadata(client_));
    if (generation->metadata != nullptr) generation->number = NumberOf(generation->metadata.get());
    // A generation that isn't one (-1) would let offsets be taken from anybody.
    if (generation->metadata != nullptr && generation->number >= 0) generation_ = std::move(generation);
    PartitionsHandle none(rd_kafka_topic_partition_list_new(0));
    rd_kafka_assign(client_, none.get());
    return;
  }
  await_release_ = true;
  change_.kind = rd_kafka_assignment_lost(client_) ? GroupChange::Kind::kLost : GroupChange::Kind::kRevoked;
  if (change_.kind == GroupChange::Kind::kLost) generation_.reset();
}

absl::Status KafkaGroup::Fatal() const {
  char text[kTextBytesMax];
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client_, text, sizeof(text));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    return absl::FailedPreconditionError(absl::StrCat("another process has joined group ", options_.group, " as ", options_.instance,
                                                      ". Give each engine a `name` of its own, and stop one of the two"));
  }
  return absl::FailedPreconditionError(absl::StrCat("group ", options_.group, ": ", text));
}

absl::Status KafkaGroup::TakeMessage(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  trouble_->Say("group", message.err, absl::StrCat(trouble_of_.subject, ": ", rd_kafka_message_errstr(&message)));
  return absl::OkStatus();
}

absl::StatusOr<GroupChange> KafkaGroup::Poll() {
  if (!subscribed_) {
    rd_kafka_consumer_poll(client_, 0);  // serves errors; there can't be a message
    absl::StatusOr<bool> checked = checks_.Ask(0, [this] { return CheckTopics(); });
    if (absl::IsUnavailable(checked.status())) return GroupChange();
    if (!checked.ok()) return checked.status();
    PartitionsHandle topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), options_.input().c_str(), RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_, topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return absl::FailedPreconditionError(absl::StrCat("topic ", options_.input(), ": ", rd_kafka_err2str(error)));
    }
    subscribed_ = true;
  }
  for (int i = 0; i < kMessagesPerPoll && change_.kind == GroupChange::Kind::kNone; ++i) {
    MessageHandle message(rd_kafka_consumer_poll(client_, 0));
    if (message == nullptr) break;
    if (absl::Status status = TakeMessage(*message); !status.ok()) return status;
  }
  if (absl::Status status = Fatal(); !status.ok()) return status;
  if (change_.kind != GroupChange::Kind::kNone) {
    committed_.Forget();
    trouble_->Well("group");
  }
  return std::exchange(change_, GroupChange());
}

void KafkaGroup::Release() {
  if (!await_release_) return;
  await_release_ = false;
  generation_.reset();
  committed_.Forget();
  rd_kafka_assign(client_, nullptr);
}

void KafkaGroup::Forget(PartitionId partition) { committed_.Forget(partition); }

absl::StatusOr<std::optional<Offset>> KafkaGroup::Committed(PartitionId partition) {
  absl::StatusOr<Answer> answer = committed_.Ask(partition, [this, partition] { return AskCommitted(partition); });
  if (!answer.ok()) return answer.status();
  return answer->offset;
}

// On the asker's thread, as all that follows.

PartitionsHandle KafkaGroup::BothOffsets(PartitionId partition) const {
  PartitionsHandle list(rd_kafka_topic_partition_list_new(2));
  rd_kafka_topic_partition_list_add(list.get(), options_.input().c_str(), partition.value);
  rd_kafka_topic_partition_list_add(list.get(), options_.topics.snapshots.c_str(), partition.value);
  return list;
}

absl::StatusOr<KafkaGroup::Answer> KafkaGroup::AskCommitted(PartitionId partition) {
  // While a transaction of an earlier owner is open, of either kind, neither outputs nor snapshots are what they will be.
  const PartitionsHandle list = BothOffsets(partition);
  const auto ask = [&] {
    rd_kafka_resp_err_t error = rd_kafka_committed(client_, list.get(), static_cast<int>(kCommittedMax.millis()));
    for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
    return error;
  };
  const auto held = [](rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
  };
  rd_kafka_resp_err_t error = ask();
  // Again at once, before other partitions are asked of: they are likely to wait for the same owner.
  for (int asked = 1; held(error) && asked < kUnstableMax; ++asked) error = ask();
  if (held(error)) {
    if (absl::Status aborted = AbortPrevious(partition); !aborted.ok()) return aborted;
    error = ask();
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    Answer answer;
    const rd_kafka_topic_partition_t* events =
        rd_kafka_topic_partition_list_find(list.get(), options_.input().c_str(), partition.value);
    if (events != nullptr && events->offset >= 0) answer.offset = Offset{events->offset};
    return answer;
  }
  const std::string what = absl::StrCat("the committed offset of partition ", partition.value, ": ", rd_kafka_err2str(error));
  if (!held(error)) trouble_->Say("group", error, what);
  return absl::UnavailableError(what);
}

absl::StatusOr<bool> KafkaGroup::CheckTopics() {
  const rd_kafka_metadata_t* asked = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client_, 1, nullptr, &asked, static_cast<int>(kMetadataMax.millis()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    trouble_->Say("group", RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "no broker answers");
    return absl::UnavailableError("no broker answers");
  }
  const MetadataHandle metadata(asked);
  std::map<std::string_view, int> partitions;
  for (int t = 0; t < metadata->topic_cnt; ++t) partitions[metadata->topics[t].topic] = metadata->topics[t].partition_cnt;
  const Topics& names = options_.topics;
  const bool entities = options_.role == Role::kEntities;
  std::vector<const std::string*> wanted = {&options_.input(), &names.events, &names.snapshots};
  if (!entities) {
    for (const std::string* name : {&names.actions_suspend, &names.actions_notify, &names.verdicts, &names.findings, &names.dead_letter}) {
      wanted.push_back(name);
    }
  }
  for (const std::string* name : wanted) {
    if (partitions[*name] > 0) continue;
    const std::string reason = absl::StrCat("topic ", *name, " isn't there, or this user may not see it");
    trouble_->Say("group", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, reason);
    return absl::UnavailableError(reason);
  }
  if (entities) {
    if (partitions[names.snapshots] >= partitions[names.sightings]) return true;
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", names.snapshots, " has ", partitions[names.snapshots], " partitions, ", names.sightings, " has ",
                     partitions[names.sightings], ": it must have no fewer. sekisho topics check says what is wanted"));
  }
  for (const std::string* name : {&names.actions_suspend, &names.actions_notify, &names.verdicts, &names.snapshots}) {
    if (partitions[*name] == partitions[names.events]) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", *name, " has ", partitions[*name], " partitions, ", names.events, " has ", partitions[names.events],
                     ": they must have the same number. sekisho topics check says what is wanted"));
  }
  return true;
}

// Who last committed for the partition. Empty: nobody known. Asked by a client of its own: `client_` is told of no offset that a
// transaction holds. librdkafka's admin calls would tell, and abort the process when the coordinator dies meanwhile (its
// issues 3663 and 4605).
absl::StatusOr<std::string> KafkaGroup::PreviousOwner(PartitionId partition) {
  absl::StatusOr<ConfHandle> conf = OffsetsConf(options_.settings, options_.group);
  if (!conf.ok()) return conf.status();
  char text[kTextBytesMax];
  rd_kafka_t* const client = rd_kafka_new(RD_KAFKA_CONSUMER, conf->get(), text, sizeof(text));
  if (client == nullptr) return absl::UnavailableError(absl::StrCat("a client can't be made: ", text));
  conf->release();  // the client's now
  const PartitionsHandle list = BothOffsets(partition);
  const rd_kafka_resp_err_t error = rd_kafka_committed(client, list.get(), static_cast<int>(kOwnerMax.millis()));
  DestroyWithin(client, kDestroyMax);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return absl::UnavailableError(rd_kafka_err2str(error));
  std::string owner;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& offset = list->elems[i];
    if (offset.metadata_size == 0) continue;
    const std::string_view told(static_cast<const char*>(offset.metadata), offset.metadata_size);
    // Outputs come more often than snapshots, so they know better.
    if (owner.empty() || options_.input() == offset.topic) owner = OwnerFromMetadata(told);
  }
  return owner;
}

absl::Status KafkaGroup::AbortPrevious(PartitionId partition) {
  const absl::StatusOr<std::string> owner = PreviousOwner(partition);
  if (!owner.ok()) return owner.status();
  if (owner->empty() || *owner == options_.instance) return absl::OkStatus();
  trouble_->Tell({NoticeLevel::kWarning, "transaction_aborted",
                  {{"owner", *owner}, {"partition", absl::StrCat(partition.value)}, {"reason", "left open by the partition's previous owner"}}});
  for (const std::string_view kind : {kOutputsKind, kSnapshotsKind}) {
    const absl::Status aborted = AbortOpenTransaction(options_.settings, TransactionalId(options_.group, *owner, kind));
    if (!aborted.ok()) return aborted;
  }
  return absl::OkStatus();
}

}  // namespace sekisho::kafka
