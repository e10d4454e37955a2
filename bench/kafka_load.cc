// Fills the topic "events" with the traffic of mail_traffic.h, or keeps it coming.
//   kafka_load fill --brokers HOST:PORT --events N [options]               as fast as they are taken; their event times end now
//   kafka_load pace --brokers HOST:PORT --rate N --seconds N [options]     open loop: N a second, whether or not they are taken
//     --accounts N     default: 100000
//     --days N         fill: event times are spread over so long; default: 2
//     --seed N         default: 1
//     --theft-every N  events from one stolen account to the next; default: 20000; 0: none
//     --stolen FILE    pace: the thieves' events, one a line: account, event time in ms, and when it was meant to be sent, was
//                      handed to the producer, and was acknowledged, in microseconds since 1970, by tabs
//     --topic NAME, -X KEY=VALUE
// Prints one line of JSON. Exit code 1, and a message, when not all was acknowledged.
//
// Of `pace` an event's time is when it was meant to be sent, also where the producer fell behind: a latency measured from it
// can't hide that (how far it fell behind is printed too).
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bench/mail_traffic.h"
#include "connectors/kafka/event_encoder.h"
#include "connectors/kafka/kafka_producer.h"

namespace sekisho {
namespace {

using connectors::KafkaSettings;
using connectors::Producer;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kWaitMax{120};
constexpr uint64_t kBurst = 256;  // sent between two looks at the reports

struct Options {
  bool pace = false;
  KafkaSettings settings{{"linger.ms", "5"}, {"queue.buffering.max.messages", "500000"}};
  std::string topic = "events", stolen;
  uint64_t events = 0, rate = 0, seconds = 0, days = 2;
  MailTraffic::Options traffic{.theft_every = 20'000};
};

int64_t Micros(auto duration) { return std::chrono::duration_cast<std::chrono::microseconds>(duration).count(); }

// "" or what is wrong.
std::string Parse(int argc, char** argv, Options* options) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command != "fill" && command != "pace") return "fill or pace?";
  options->pace = command == "pace";
  const std::unordered_map<std::string_view, uint64_t*> numbers = {
      {"--events", &options->events}, {"--rate", &options->rate}, {"--seconds", &options->seconds}, {"--days", &options->days},
      {"--accounts", &options->traffic.accounts}, {"--seed", &options->traffic.seed},
      {"--theft-every", &options->traffic.theft_every}};
  bool brokers = false;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) return std::string(name) + " wants a value";
    const std::string value = argv[i + 1];
    if (const auto number = numbers.find(name); number != numbers.end()) {
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), *number->second);
      if (error != std::errc() || stop != value.data() + value.size()) return std::string(name) + " wants a number";
    } else if (name == "--brokers") {
      options->settings.emplace_back("bootstrap.servers", value);
      brokers = true;
    } else if (name == "--topic") {
      options->topic = value;
    } else if (name == "--stolen") {
      options->stolen = value;
    } else if (name == "-X") {
      const size_t at = value.find('=');
      if (at == std::string::npos) return "-X wants KEY=VALUE";
      options->settings.emplace_back(value.substr(0, at), value.substr(at + 1));
    } else {
      return "unknown option " + std::string(name);
    }
  }
  if (!brokers || options->traffic.accounts < 1) return "--brokers and at least one account are wanted";
  if (options->pace ? options->rate < 1 || options->seconds < 1 : options->events < 1) {
    return options->pace ? "--rate and --seconds are wanted" : "--events is wanted";
  }
  if (options->pace) {
    options->events = options->rate * options->seconds;
    // The whole theft happens within the run.
    options->traffic.theft_gap = Span::Millis(static_cast<int64_t>(std::min<uint64_t>(1000, options->seconds * 1000 / 20)));
  }
  return "";
}

struct StolenEvent {
  std::string account;
  int64_t time_ms = 0, meant = 0, handed = 0, acknowledged = 0;
};

class Load {
 public:
  Load(const Options& options, Producer* producer)
      : options_(options),
        producer_(producer),
        traffic_(options.traffic),
        wall_(Micros(std::chrono::system_clock::now().time_since_epoch())),
        start_(steady_clock::now()),
        encoder_({"load", static_cast<uint64_t>(wall_)}) {}

  // "" or why it can't go on.
  std::string Run() {
    // The first event finds the brokers and the topic: what that takes is no part of the run.
    std::string wrong = Hand(traffic_.Next(TimeOf(0)));
    if (wrong.empty()) wrong = Until([this] { return acknowledged_ == sent_; }, "the topic isn't there");
    start_ = steady_clock::now();
    wall_ = Micros(std::chrono::system_clock::now().time_since_epoch());
    for (uint64_t i = 0; i < options_.events && wrong.empty(); ++i) {
      if (i % kBurst == 0) wrong = Look(std::chrono::milliseconds(0));
      if (options_.pace) {
        while (wrong.empty() && Elapsed() < Meant(i)) wrong = Look(std::chrono::milliseconds(1));
      }
      if (wrong.empty()) wrong = Send(i);
    }
    if (!wrong.empty()) return wrong;
    took_ = steady_clock::now() - start_;
    return Until([this] { return acknowledged_ == sent_; }, "not everything was acknowledged");
  }

  bool WriteStolen(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr) return false;
    for (const StolenEvent& e : stolen_) {
      std::fprintf(file, "%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n", e.account.c_str(), e.time_ms, e.meant, e.handed,
                   e.acknowledged);
    }
    return std::fclose(file) == 0;
  }

  void Print() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    std::sort(behind_.begin(), behind_.end());
    const auto percentile = [this](double part) {
      return behind_.empty() ? 0 : behind_[static_cast<size_t>(part * static_cast<double>(behind_.size() - 1))];
    };
    std::printf("{\"events\": %" PRIu64 ", \"seconds\": %.3f, \"cpu_seconds\": %.2f, \"bytes\": %" PRIu64 ", \"thefts\": %" PRIu64
                ", \"behind_us\": {\"p50\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}}\n",
                sent_, static_cast<double>(Micros(took_)) / 1e6, cpu, bytes_sent_, traffic_.thefts(), percentile(0.5), percentile(0.99),
                percentile(0.999), percentile(1));
  }

 private:
  int64_t Elapsed() const { return Micros(steady_clock::now() - start_); }
  int64_t Meant(uint64_t i) const { return static_cast<int64_t>(i * 1'000'000 / options_.rate); }

  EventTime TimeOf(uint64_t i) const {
    if (options_.pace) return EventTime::FromMillis((wall_ + Meant(i)) / 1000);
    const int64_t span_ms = static_cast<int64_t>(options_.days) * 86'400'000;
    return EventTime::FromMillis(wall_ / 1000 - span_ms + static_cast<int64_t>(static_cast<double>(span_ms) * static_cast<double>(i) /
                                                                               static_cast<double>(options_.events)));
  }

  std::string Send(uint64_t i) {
    const EventTime time = TimeOf(i);
    const MailTraffic::Item item = traffic_.Next(time);
    const int64_t handed = options_.pace ? Elapsed() : 0;
    if (options_.pace) behind_.push_back(static_cast<uint32_t>(std::max<int64_t>(0, handed - Meant(i))));
    if (item.stolen && options_.pace) {
      waiting_.emplace(sent_, stolen_.size());
      stolen_.push_back({std::string(item.event.account), time.millis(), wall_ + Meant(i), wall_ + handed, 0});
    }
    return Hand(item);
  }

  std::string Hand(const MailTraffic::Item& item) {
    encoder_.Encode(item.event, item.origin, &bytes_);
    for (int n = item.twice ? 2 : 1; n > 0; --n) {
      Producer::Answer answer = Producer::Answer::kFull;
      const std::string wrong = Until(
          [&] {
            answer = producer_->Produce(item.event.account, bytes_, sent_);
            return answer != Producer::Answer::kFull;
          },
          "the broker takes nothing more");
      if (!wrong.empty()) return wrong;
      if (answer != Producer::Answer::kTaken) return "an event wasn't taken";
      ++sent_;
      bytes_sent_ += bytes_.size();
    }
    return "";
  }

  std::string Look(std::chrono::milliseconds wait) {
    producer_->Poll(Span::Millis(wait.count()), &reports_);
    for (const Producer::Report& report : reports_) {
      if (report.fate != Producer::Fate::kAcknowledged) return "an event was refused or lost";
      ++acknowledged_;
      if (const auto waiting = waiting_.find(report.tag); waiting != waiting_.end()) {
        stolen_[waiting->second].acknowledged = wall_ + Elapsed();
        waiting_.erase(waiting);
      }
    }
    reports_.clear();
    return producer_->broken() ? "the producer is broken" : "";
  }

  std::string Until(const auto& done, const std::string& otherwise) {
    if (done()) return "";
    const auto deadline = steady_clock::now() + kWaitMax;
    while (!done()) {
      if (std::string wrong = Look(std::chrono::milliseconds(5)); !wrong.empty()) return wrong;
      if (steady_clock::now() > deadline) return otherwise;
    }
    return "";
  }

  const Options& options_;
  Producer* const producer_;
  MailTraffic traffic_;
  int64_t wall_;                    // microseconds since 1970, at start_
  steady_clock::time_point start_;
  steady_clock::duration took_{};
  connectors::EventEncoder encoder_;
  std::string bytes_;
  std::vector<Producer::Report> reports_;
  std::vector<StolenEvent> stolen_;
  std::unordered_map<uint64_t, size_t> waiting_;  // by tag
  std::vector<uint32_t> behind_;                  // microseconds behind what was meant
  uint64_t sent_ = 0, acknowledged_ = 0, bytes_sent_ = 0;
};

int Main(int argc, char** argv) {
  Options options;
  if (const std::string wrong = Parse(argc, argv, &options); !wrong.empty()) {
    std::fprintf(stderr, "kafka_load: %s\n", wrong.c_str());
    return 2;
  }
  const NoticeSink say = [](const Notice& notice) {
    std::fprintf(stderr, "kafka_load: %s", std::string(notice.name).c_str());
    for (const auto& [name, value] : notice.fields) std::fprintf(stderr, " %s=%s", std::string(name).c_str(), value.c_str());
    std::fputc('\n', stderr);
  };
  auto producer = connectors::MakeKafkaProducer(options.settings, options.topic, say);
  if (!producer.ok()) {
    std::fprintf(stderr, "kafka_load: %s\n", std::string(producer.status().message()).c_str());
    return 2;
  }
  Load load(options, producer->get());
  if (const std::string wrong = load.Run(); !wrong.empty()) {
    std::fprintf(stderr, "kafka_load: %s\n", wrong.c_str());
    return 1;
  }
  if (!options.stolen.empty() && !load.WriteStolen(options.stolen)) {
    std::fprintf(stderr, "kafka_load: %s can't be written\n", options.stolen.c_str());
    return 1;
  }
  load.Print();
  return 0;
}

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) { return sekisho::Main(argc, argv); }
