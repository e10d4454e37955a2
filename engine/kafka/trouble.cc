#include "engine/kafka/trouble.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sekisho::kafka {
namespace {

// A sink that isn't called must not cost memory.
constexpr size_t kWaitingMax = 1000;
constexpr std::string_view kConnection = "any";

}  // namespace

std::string_view HintFor(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "a topic isn't there: sekisho topics create";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "this user may not use the topic: grant it Read and Write";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "this user may not use the consumer group: grant it Read on the group";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "this user may not use transactions: grant it Write on transactional ids that begin with the group's name";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "this user may not write: grant it IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "wrong user, password or mechanism; SCRAM against Kafka 4 needs librdkafka 2.6.1";
    case RD_KAFKA_RESP_ERR__SSL:
      return "see ssl.ca.location, and whether the port speaks TLS";
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "no such host: see bootstrap.servers, and the brokers' advertised.listeners";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "transaction.timeout.ms is beyond the brokers' transaction.max.timeout.ms";
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return "session.timeout.ms is outside the brokers' group.min.session.timeout.ms to group.max.session.timeout.ms";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "a topic's max.message.bytes is smaller than deploy/topics.yaml wants: sekisho topics check";
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return "fewer brokers are in sync than the topic's min.insync.replicas";
    default:
      return "";
  }
}

void LastWords::Take(rd_kafka_resp_err_t code, std::string_view reason) {
  // That all are gone, and that a connection broke, follows from a reason that says more.
  const bool says_less = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TRANSPORT;
  if (says_less && (!hint().empty() || (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !reason_.empty()))) return;
  code_ = code;
  reason_ = std::string(reason);
}

std::string LastWords::text() const {
  return hint().empty() ? reason_ : absl::StrCat(reason_, ": ", std::string(hint()));
}

void Trouble::Say(std::string_view who, rd_kafka_resp_err_t code, std::string_view reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  // One broker of several, or a connection that was idle for long: no news unless all are gone.
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    last_words_ = std::string(reason);
    return;
  }
  // The connections are the same for all clients inside.
  const bool connection = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                          code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__RESOLVE;
  if (connection) who = kConnection;
  std::string words(reason);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !last_words_.empty()) words = words + " (" + last_words_ + ")";
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) last_words_ = words;
  if (!said_.insert({who, code}).second || waiting_.size() >= kWaitingMax) return;
  Notice notice{NoticeLevel::kError, "kafka", {{"client", std::string(who)}, {"code", rd_kafka_err2name(code)}, {"reason", std::move(words)}}};
  if (const std::string_view hint = HintFor(code); !hint.empty()) notice.fields.emplace_back("hint", std::string(hint));
  waiting_.push_back(std::move(notice));
}

void Trouble::Well(std::string_view who) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (said_.empty()) return;
  const size_t forgotten = std::erase_if(said_, [who](const auto& said) { return said.first == who || said.first == kConnection; });
  if (forgotten == 0) return;
  waiting_.push_back({NoticeLevel::kInfo, "kafka_well", {{"client", std::string(who)}}});
}

void Trouble::Tell(Notice notice) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (waiting_.size() < kWaitingMax) waiting_.push_back(std::move(notice));
}

void Trouble::Deliver(const NoticeSink& sink) {
  std::vector<Notice> notices;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    notices.swap(waiting_);
  }
  if (!sink) return;
  for (const Notice& notice : notices) sink(notice);
}

std::string Trouble::last_words() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return last_words_;
}

void Trouble::OnError(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  const TroubleOf& of = *static_cast<TroubleOf*>(opaque);
  char text[kTextBytesMax];
  auto cause = static_cast<rd_kafka_resp_err_t>(code);
  if (cause == RD_KAFKA_RESP_ERR__FATAL) {
    cause = rd_kafka_fatal_error(client, text, sizeof(text));
    reason = text;
  }
  const bool nameless = cause == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || cause == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  of.trouble->Say(of.who, cause, nameless ? absl::StrCat(of.subject, ": ", reason) : std::string(reason));
}

}  // namespace sekisho::kafka
