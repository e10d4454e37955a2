#include "engine/kafka/cluster_watch.h"

#include <librdkafka/rdkafka.h>

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {
namespace {

// A broker makes a member's id of its group.instance.id (of its client.id, if it has none), a hyphen and a UUID.
std::string InstanceOf(std::string_view member_id) {
  constexpr size_t kHyphenAndUuid = 37;
  if (member_id.size() < kHyphenAndUuid || member_id[member_id.size() - kHyphenAndUuid] != '-') return std::string(member_id);
  return std::string(member_id.substr(0, member_id.size() - kHyphenAndUuid));
}

}  // namespace

class ClusterWatch::Impl {
 public:
  Impl() = default;
  ~Impl() {
    if (client != nullptr) rd_kafka_destroy(client);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Trouble(std::string_view what, std::string_view error) {
    rd_kafka_poll(client, 0);  // serves OnTrouble
    std::string message = absl::StrCat(std::string(what), ": ", std::string(error));
    if (const std::string words = last_words.text(); !words.empty()) absl::StrAppend(&message, " (", words, ")");
    return absl::UnavailableError(message);
  }

  static void OnTrouble(rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<Impl*>(self)->last_words.Take(static_cast<rd_kafka_resp_err_t>(code), reason);
  }
  // What librdkafka would write on standard error, unescaped; whatever matters comes to OnTrouble as well.
  static void OnLog(const rd_kafka_t*, int, const char*, const char*) {}

  LastWords last_words;
  rd_kafka_t* client = nullptr;
};

ClusterWatch::ClusterWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClusterWatch::~ClusterWatch() = default;

std::string_view ClusterWatch::hint() const { return impl_->last_words.hint(); }

absl::StatusOr<std::unique_ptr<ClusterWatch>> ClusterWatch::Connect(const KafkaSettings& settings) {
  auto impl = std::make_unique<Impl>();
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[kTextBytesMax];
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(absl::StrCat("kafka.", key, ": ", text));
  }
  rd_kafka_conf_set_opaque(conf, impl.get());
  rd_kafka_conf_set_error_cb(conf, Impl::OnTrouble);
  rd_kafka_conf_set_log_cb(conf, Impl::OnLog);
  impl->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (impl->client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(absl::StrCat("kafka: ", text));
  }
  return std::unique_ptr<ClusterWatch>(new ClusterWatch(std::move(impl)));
}

absl::StatusOr<std::map<std::string, int>> ClusterWatch::Partitions(const std::vector<std::string>& topics, Span timeout) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(impl_->client, 1, nullptr, &metadata, static_cast<int>(timeout.millis()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return impl_->Trouble("the cluster can't be asked for its topics", rd_kafka_err2str(error));
  }
  std::map<std::string, int> found;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const rd_kafka_metadata_topic& topic = metadata->topics[t];
    for (const std::string& name : topics) {
      if (name == topic.topic && topic.partition_cnt > 0) found[name] = topic.partition_cnt;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  impl_->last_words.Forget();
  return found;
}

// The admin client's DescribeConsumerGroups would tell the same, and more of it, but aborts the process when the group's coordinator
// dies meanwhile (librdkafka's issue 4605).
absl::StatusOr<std::vector<std::string>> ClusterWatch::Members(const std::string& group, Span timeout) {
  const rd_kafka_group_list* list = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_list_groups(impl_->client, group.c_str(), &list, static_cast<int>(timeout.millis()));
  const std::unique_ptr<const rd_kafka_group_list, decltype(&rd_kafka_group_list_destroy)> owner(list, rd_kafka_group_list_destroy);
  const std::string seen = absl::StrCat("group ", group, " can't be looked at");
  std::vector<std::string> members;
  // A part of the brokers is enough if the group's coordinator is among them.
  bool found = error == RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int g = 0; list != nullptr && g < list->group_cnt; ++g) {
    const rd_kafka_group_info& info = list->groups[g];
    if (group != info.group) continue;
    if (info.err != RD_KAFKA_RESP_ERR_NO_ERROR) return impl_->Trouble(seen, rd_kafka_err2str(info.err));
    found = true;
    for (int m = 0; m < info.member_cnt; ++m) members.push_back(InstanceOf(info.members[m].member_id));
  }
  if (!found) return impl_->Trouble(seen, rd_kafka_err2str(error));
  return members;
}

}  // namespace sekisho::kafka
