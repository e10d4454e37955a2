// Log files as events in Kafka, in one go: what a connector would have sent of them, without its spool and its patience.
// For tests and benchmarks that want a filled topic quickly.
//   produce_logs --brokers HOST:PORT [options] FILE...
//     --topic NAME             default: events
//     --connector NAME         in the events' origins; default: produce_logs
//     --epoch N                likewise; default: 1
//     -X KEY=VALUE             a setting of librdkafka; may be repeated
//     --default-realm R, --timezone Z, --year N, --webmail-host H, --recipient-key K   as for `sekisho replay`
// Prints one line of JSON: {"events": N, "heartbeats": N}. Exit code 1, and a message, when not all was acknowledged.
//
// Every partition is told the time at least once for each minute of the logs, as a connector would do while it follows
// them live. So a partition with few accounts doesn't take the next event for one from the future.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/common/log_time.h"
#include "connectors/ingest/ingest.h"
#include "connectors/ingest/merged_files.h"
#include "connectors/kafka/event_encoder.h"
#include "connectors/kafka/kafka_producer.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr Span kTellEvery = Span::Minutes(1);
constexpr Span kWaitMax = Span::Seconds(60);

struct Options {
  KafkaSettings settings;
  std::string topic = "events";
  ConnectorName connector{"produce_logs", 1};
  Pipeline::Options pipeline;
  std::string timezone = "UTC", recipient_key = "sekisho";
  std::optional<int> year;
  std::vector<std::string> files;
};

bool Number(const std::string& text, uint64_t* value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && stop == text.data() + text.size();
}

// "" or what is wrong.
std::string Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("-")) {
      options->files.push_back(name);
      continue;
    }
    if (++i == argc) return name + " wants a value";
    const std::string value = argv[i];
    uint64_t number = 0;
    if (name == "--brokers") {
      options->settings.emplace_back("bootstrap.servers", value);
    } else if (name == "-X") {
      const size_t at = value.find('=');
      if (at == std::string::npos) return "-X wants KEY=VALUE";
      options->settings.emplace_back(value.substr(0, at), value.substr(at + 1));
    } else if (name == "--topic") {
      options->topic = value;
    } else if (name == "--connector") {
      options->connector.name = value;
    } else if (name == "--epoch") {
      if (!Number(value, &options->connector.epoch)) return "--epoch wants a number";
    } else if (name == "--default-realm") {
      options->pipeline.canonical.default_realm = value;
    } else if (name == "--timezone") {
      options->timezone = value;
    } else if (name == "--year") {
      if (!Number(value, &number) || number < 1970 || number > 9999) return "--year wants a year";
      options->year = static_cast<int>(number);
    } else if (name == "--webmail-host") {
      const std::optional<IpNetwork> network = IpNetwork::Parse(value);
      if (!network) return "--webmail-host wants an address or network";
      options->pipeline.webmail.push_back(*network);
    } else if (name == "--recipient-key") {
      options->recipient_key = value;
    } else {
      return "unknown option " + name;
    }
  }
  if (options->settings.empty() || options->files.empty()) return "--brokers and at least one FILE are wanted";
  options->pipeline.key = HashKey::FromPassphrase(options->recipient_key);
  return "";
}

// Hands over in order, and counts what comes back.
class Feed {
 public:
  Feed(Producer* producer, const ConnectorName& name) : producer_(producer), encoder_(name) {}

  // "" or why it can't go on.
  std::string Send(const Event& event, const Origin& origin) {
    if (!encoder_.Encode(event, origin, &bytes_)) return "";
    Producer::Answer answer = Producer::Answer::kFull;
    const std::string wrong = Until(
        [&] {
          answer = producer_->Produce(event.account, bytes_, events_);
          return answer != Producer::Answer::kFull;
        },
        "the broker takes nothing more");
    if (!wrong.empty()) return wrong;
    if (answer != Producer::Answer::kTaken) return "an event wasn't taken";
    ++events_;
    // How many partitions there are becomes known with the first event that is on its way.
    return Until([this] { return producer_->partitions() > 0; }, "the topic isn't there");
  }
  void Tell(EventTime time) {
    if (producer_->partitions() == 0 || (!told_.never() && time < told_ + kTellEvery)) return;
    told_ = time;
    encoder_.EncodeHeartbeat(time, &bytes_);
    for (int32_t p = 0; p < producer_->partitions(); ++p) {
      producer_->Tell(p, bytes_);
      ++heartbeats_;
    }
  }
  std::string Finish() {
    return Until([this] { return acknowledged_ == events_; }, "not everything was acknowledged");
  }
  uint64_t events() const { return events_; }
  uint64_t heartbeats() const { return heartbeats_; }

 private:
  template <typename Condition>
  std::string Until(const Condition& done, const std::string& otherwise) {
    if (done()) return "";
    const Span deadline = SteadyNow() + kWaitMax;
    while (!done()) {
      producer_->Poll(Span::Millis(20), &reports_);
      for (const Producer::Report& report : reports_) {
        if (report.fate != Producer::Fate::kAcknowledged) return "an event was refused or lost";
        ++acknowledged_;
      }
      reports_.clear();
      if (producer_->broken()) return "the producer is broken";
      if (SteadyNow() > deadline) return otherwise;
    }
    return "";
  }

  Producer* const producer_;
  EventEncoder encoder_;
  std::string bytes_;
  std::vector<Producer::Report> reports_;
  EventTime told_ = EventTime::Never();
  uint64_t events_ = 0, acknowledged_ = 0, heartbeats_ = 0;
};

std::string Run(const Options& options, Feed* feed) {
  const absl::StatusOr<absl::TimeZone> zone = ParseTimeZone(options.timezone);
  if (!zone.ok()) return std::string(zone.status().message());
  std::unique_ptr<MergedFiles> files = MergedFiles::Open(options.files, {*zone, options.year, RealClock().Now()});
  Pipeline pipeline(options.pipeline);
  std::string wrong;
  MergedLine line;
  while (wrong.empty() && files->Next(&line)) {
    if (!line.key.never()) feed->Tell(line.key);
    Origin origin{line.file + 1, line.raw.byte_offset, 0};
    const EventSink send = [&](const Event& event) {
      if (wrong.empty() && !event.account.empty()) wrong = feed->Send(event, origin);
      ++origin.index;
    };
    std::string_view reason;
    if (!line.raw.too_long) pipeline.Line(line.line, send, &reason);
  }
  for (size_t i = 0; i < files->size(); ++i) {
    if (wrong.empty() && !files->error(i).ok()) wrong = std::string(files->error(i).message());
  }
  return wrong.empty() ? feed->Finish() : wrong;
}

int Main(int argc, char** argv) {
  Options options;
  std::string wrong = Parse(argc, argv, &options);
  if (!wrong.empty()) {
    std::fprintf(stderr, "produce_logs: %s\n", wrong.c_str());
    return 2;
  }
  const NoticeSink say = [](const Notice& notice) {
    std::fprintf(stderr, "produce_logs: %s", std::string(notice.name).c_str());
    for (const auto& [name, value] : notice.fields) std::fprintf(stderr, " %s=%s", std::string(name).c_str(), value.c_str());
    std::fputc('\n', stderr);
  };
  absl::StatusOr<std::unique_ptr<Producer>> producer = MakeKafkaProducer(options.settings, options.topic, say);
  if (!producer.ok()) {
    std::fprintf(stderr, "produce_logs: %s\n", std::string(producer.status().message()).c_str());
    return 2;
  }
  Feed feed(producer->get(), options.connector);
  wrong = Run(options, &feed);
  if (!wrong.empty()) {
    std::fprintf(stderr, "produce_logs: %s\n", wrong.c_str());
    return 1;
  }
  std::printf("{\"events\": %llu, \"heartbeats\": %llu}\n", static_cast<unsigned long long>(feed.events()),
              static_cast<unsigned long long>(feed.heartbeats()));
  return 0;
}

}  // namespace
}  // namespace sekisho::connectors

int main(int argc, char** argv) { return sekisho::connectors::Main(argc, argv); }
