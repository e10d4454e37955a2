#include "engine/kafka/cluster_watch.h"

#include <librdkafka/rdkafka.h>

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {
namespace {

constexpr size_t kTextBytesMax = 512;
// librdkafka's own wait and ours end at different times, so that its reason is the one that is told.
constexpr int kMarginMs = 500;

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

absl::StatusOr<std::vector<std::string>> ClusterWatch::Members(const std::string& group, Span timeout) {
  const int timeout_ms = static_cast<int>(timeout.millis());
  char text[kTextBytesMax];
  rd_kafka_queue_t* queue = rd_kafka_queue_new(impl_->client);
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(impl_->client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
  rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
  const char* names[] = {group.c_str()};
  rd_kafka_DescribeConsumerGroups(impl_->client, names, 1, options, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, timeout_ms + kMarginMs);
  absl::StatusOr<std::vector<std::string>> members = std::vector<std::string>();
  const rd_kafka_DescribeConsumerGroups_result_t* result =
      event != nullptr ? rd_kafka_event_DescribeConsumerGroups_result(event) : nullptr;
  size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups =
      result != nullptr ? rd_kafka_DescribeConsumerGroups_result_groups(result, &count) : nullptr;
  if (count == 1) {
    const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    const rd_kafka_resp_err_t code = error != nullptr ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      for (size_t m = 0; m < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++m) {
        const char* instance = rd_kafka_MemberDescription_group_instance_id(rd_kafka_ConsumerGroupDescription_member(groups[0], m));
        members->push_back(instance != nullptr ? instance : "");
      }
    } else if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
      // Nobody has ever joined.
    } else if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
      members = absl::PermissionDeniedError(absl::StrCat("group ", group, " can't be looked at: ", rd_kafka_error_string(error)));
    } else {
      members = impl_->Trouble(absl::StrCat("group ", group, " can't be looked at"), rd_kafka_error_string(error));
    }
  } else {
    members = impl_->Trouble(absl::StrCat("group ", group, " can't be looked at"),
                             event != nullptr ? rd_kafka_event_error_string(event) : "no answer");
  }
  if (event != nullptr) rd_kafka_event_destroy(event);
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_queue_destroy(queue);
  return members;
}

}  // namespace sekisho::kafka
