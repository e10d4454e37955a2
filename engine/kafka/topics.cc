#include "engine/kafka/topics.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {
namespace {

using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
using Queue = QueueHandle;
using Answer = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using Options = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using NewTopic = Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using Resource = Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;


// What the cluster says of one topic.
struct Found {
  int partitions = 0;
  int replication_min = 0;
};

template <typename T>
std::vector<T*> Pointers(const auto& handles) {
  std::vector<T*> pointers;
  for (const auto& handle : handles) pointers.push_back(handle.get());
  return pointers;
}

}  // namespace

class TopicAdmin::Impl {
 public:
  // Connections fail in librdkafka's own threads; the last words are kept for the message.
  LastWords last_words;
  int timeout_ms = 0;
  Client client;

  absl::Status Trouble(std::string_view what, rd_kafka_resp_err_t error) {
    rd_kafka_poll(client.get(), 0);  // serves OnTrouble
    std::string message = absl::StrCat(std::string(what), ": ", rd_kafka_err2str(error));
    if (const std::string words = last_words.text(); !words.empty()) absl::StrAppend(&message, " (", words, ")");
    return absl::UnavailableError(message);
  }

  static void OnTrouble(rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<Impl*>(self)->last_words.Take(static_cast<rd_kafka_resp_err_t>(code), reason);
  }

  absl::StatusOr<std::map<std::string, Found>> Topics() {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(client.get(), 1, nullptr, &metadata, timeout_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Trouble("the cluster can't be asked for its topics", error);
    std::map<std::string, Found> found;
    for (int t = 0; t < metadata->topic_cnt; ++t) {
      const rd_kafka_metadata_topic& topic = metadata->topics[t];
      Found& entry = found[topic.topic];
      entry.partitions = topic.partition_cnt;
      for (int p = 0; p < topic.partition_cnt; ++p) {
        const int replicas = topic.partitions[p].replica_cnt;
        if (p == 0 || replicas < entry.replication_min) entry.replication_min = replicas;
      }
    }
    rd_kafka_metadata_destroy(metadata);
    return found;
  }

  // A topic just made reaches a broker's view of the cluster a moment later.
  absl::Status AwaitTopics(const std::vector<std::string>& names) {
    constexpr int kPauseMs = 50;
    for (int waited_ms = 0; waited_ms <= timeout_ms; waited_ms += kPauseMs) {
      const auto found = Topics();
      if (!found.ok()) return found.status();
      const auto known = [&found](const std::string& name) { return found->contains(name) && found->at(name).partitions > 0; };
      if (std::all_of(names.begin(), names.end(), known)) return absl::OkStatus();
      rd_kafka_poll(client.get(), kPauseMs);
    }
    return absl::UnavailableError("the topics were made, but the brokers don't show them yet: check again");
  }

  absl::StatusOr<Answer> Ask(rd_kafka_admin_op_t operation, auto&& request) {
    Queue queue(rd_kafka_queue_new(client.get()));
    Options options(rd_kafka_AdminOptions_new(client.get(), operation));
    char text[kTextBytesMax];
    rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text, sizeof(text));
    request(options.get(), queue.get());
    // librdkafka answers by its own deadline; a little more keeps the two apart.
    Answer answer(rd_kafka_queue_poll(queue.get(), timeout_ms + 1000));
    if (answer == nullptr) return Trouble("the cluster does not answer", RD_KAFKA_RESP_ERR__TIMED_OUT);
    if (const rd_kafka_resp_err_t error = rd_kafka_event_error(answer.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Trouble("the cluster refused", error);
    }
    return answer;
  }

  using AllSettings = std::map<std::string, std::map<std::string, std::string>>;

  // Every setting of the topics, defaults included, by topic.
  absl::StatusOr<AllSettings> Settings(const std::vector<std::string>& topics) {
    // Each broker learns of a new topic in its own time, and any of them may be asked.
    constexpr int kPauseMs = 50;
    for (int waited_ms = 0;; waited_ms += kPauseMs) {
      absl::StatusOr<AllSettings> settings = SettingsNow(topics);
      if (!absl::IsNotFound(settings.status()) || waited_ms >= timeout_ms) return settings;
      rd_kafka_poll(client.get(), kPauseMs);
    }
  }

 private:
  // NotFound: the broker that was asked doesn't know a topic.
  absl::StatusOr<AllSettings> SettingsNow(const std::vector<std::string>& topics) {
    AllSettings settings;
    if (topics.empty()) return settings;
    std::vector<Resource> resources;
    for (const std::string& topic : topics) resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    std::vector<rd_kafka_ConfigResource_t*> pointers = Pointers<rd_kafka_ConfigResource_t>(resources);
    absl::StatusOr<Answer> answer = Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, [&](auto* options, auto* queue) {
      rd_kafka_DescribeConfigs(client.get(), pointers.data(), pointers.size(), options, queue);
    });
    if (!answer.ok()) return answer.status();
    size_t count = 0;
    const rd_kafka_ConfigResource_t** described =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(answer->get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const char* name = rd_kafka_ConfigResource_name(described[i]);
      const rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(described[i]);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* reason = rd_kafka_ConfigResource_error_string(described[i]);
        const absl::StatusCode code = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? absl::StatusCode::kNotFound
                                                                                       : absl::StatusCode::kPermissionDenied;
        return absl::Status(code, absl::StrCat("topic ", name, ": its settings can't be read: ", reason ? reason : "no reason given"));
      }
      size_t entries = 0;
      const rd_kafka_ConfigEntry_t** entry = rd_kafka_ConfigResource_configs(described[i], &entries);
      for (size_t e = 0; e < entries; ++e) {
        const char* value = rd_kafka_ConfigEntry_value(entry[e]);
        settings[name][rd_kafka_ConfigEntry_name(entry[e])] = value ? value : "";
      }
    }
    return settings;
  }
};

namespace {

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Shown(int64_t value) { return value == kUnlimited ? "unlimited" : absl::StrCat(value); }

bool Reaches(int64_t found, int64_t wanted) {
  if (found == kUnlimited) return true;
  return wanted != kUnlimited && found >= wanted;
}

void CompareSettings(const TopicSpec& spec, const std::map<std::string, std::string>& found,
                     std::vector<TopicDifference>* differences) {
  const auto value_of = [&found](const std::string& key) {
    const auto at = found.find(key);
    return at == found.end() ? std::string("not known to the cluster") : at->second;
  };
  for (const auto& [key, wanted] : spec.exactly) {
    const std::string value = value_of(key);
    if (value != wanted) differences->push_back({spec.name, absl::StrCat(key, " is ", value, ", wanted ", wanted)});
  }
  for (const auto& [key, wanted] : spec.at_least) {
    const std::string value = value_of(key);
    const std::optional<int64_t> number = ParseNumber(value);
    if (number && Reaches(*number, wanted)) continue;
    differences->push_back({spec.name, absl::StrCat(key, " is ", number ? Shown(*number) : value, ", wanted ",
                                                    wanted == kUnlimited ? "" : "at least ", Shown(wanted))});
  }
}

}  // namespace

TopicAdmin::TopicAdmin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicAdmin::~TopicAdmin() = default;

absl::StatusOr<std::unique_ptr<TopicAdmin>> TopicAdmin::Connect(const KafkaSettings& settings, Span timeout) {
  auto impl = std::make_unique<Impl>();
  impl->timeout_ms = static_cast<int>(timeout.millis());
  char text[kTextBytesMax];
  Handle<rd_kafka_conf_t, rd_kafka_conf_destroy> conf(rd_kafka_conf_new());
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), text, sizeof(text)) != RD_KAFKA_CONF_OK) {
      return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", key, ": ", text));
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), impl.get());
  rd_kafka_conf_set_error_cb(conf.get(), Impl::OnTrouble);
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);  // what matters comes through OnTrouble
  impl->client.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), text, sizeof(text)));
  if (impl->client == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf.release();  // the client's now
  if (auto topics = impl->Topics(); !topics.ok()) return topics.status();
  return std::unique_ptr<TopicAdmin>(new TopicAdmin(std::move(impl)));
}

absl::StatusOr<std::vector<std::string>> TopicAdmin::CreateMissing(const std::vector<TopicSpec>& specs) {
  const auto existing = impl_->Topics();
  if (!existing.ok()) return existing.status();
  std::vector<NewTopic> missing;
  std::vector<std::string> names;
  char text[kTextBytesMax];
  for (const TopicSpec& spec : specs) {
    if (existing->contains(spec.name)) continue;
    missing.emplace_back(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, text, sizeof(text)));
    if (missing.back() == nullptr) return absl::InvalidArgumentError(absl::StrCat("topic ", spec.name, ": ", text));
    for (const auto& [key, value] : spec.exactly) rd_kafka_NewTopic_set_config(missing.back().get(), key.c_str(), value.c_str());
    for (const auto& [key, value] : spec.at_least) {
      rd_kafka_NewTopic_set_config(missing.back().get(), key.c_str(), absl::StrCat(value).c_str());
    }
    names.push_back(spec.name);
  }
  if (missing.empty()) return names;
  std::vector<rd_kafka_NewTopic_t*> pointers = Pointers<rd_kafka_NewTopic_t>(missing);
  absl::StatusOr<Answer> answer = impl_->Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* options, auto* queue) {
    // Returns once the brokers have it, so that what follows finds it.
    rd_kafka_AdminOptions_set_operation_timeout(options, impl_->timeout_ms, text, sizeof(text));
    rd_kafka_CreateTopics(impl_->client.get(), pointers.data(), pointers.size(), options, queue);
  });
  if (!answer.ok()) return answer.status();
  size_t count = 0;
  const rd_kafka_topic_result_t** made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(made[i]);
    // Somebody else made it meanwhile: Check will say whether they wanted the same.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* reason = rd_kafka_topic_result_error_string(made[i]);
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", rd_kafka_topic_result_name(made[i]), " can't be made: ", reason ? reason : rd_kafka_err2str(error)));
  }
  if (absl::Status known = impl_->AwaitTopics(names); !known.ok()) return known;
  return names;
}

absl::StatusOr<std::vector<TopicDifference>> TopicAdmin::Check(const std::vector<TopicSpec>& specs) {
  const auto existing = impl_->Topics();
  if (!existing.ok()) return existing.status();
  std::vector<std::string> names;
  for (const TopicSpec& spec : specs) {
    if (existing->contains(spec.name)) names.push_back(spec.name);
  }
  const auto settings = impl_->Settings(names);
  if (!settings.ok()) return settings.status();
  std::vector<TopicDifference> differences;
  for (const TopicSpec& spec : specs) {
    const auto found = existing->find(spec.name);
    if (found == existing->end()) {
      differences.push_back({spec.name, "missing"});
      continue;
    }
    if (found->second.partitions != spec.partitions) {
      differences.push_back({spec.name, absl::StrCat(found->second.partitions, " partitions, wanted ", spec.partitions)});
    }
    if (found->second.replication_min < spec.replication) {
      differences.push_back({spec.name, absl::StrCat("replication ", found->second.replication_min, ", wanted ", spec.replication)});
    }
    const auto of_topic = settings->find(spec.name);
    if (of_topic != settings->end()) CompareSettings(spec, of_topic->second, &differences);
  }
  return differences;
}

}  // namespace sekisho::kafka
