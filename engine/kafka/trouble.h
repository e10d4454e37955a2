// What goes wrong with the cluster, said to the operator once until it is well again.
#ifndef SEKISHO_ENGINE_KAFKA_TROUBLE_H_
#define SEKISHO_ENGINE_KAFKA_TROUBLE_H_

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/notice.h"
#include "engine/kafka/handles.h"

namespace sekisho::kafka {

// Thread-safe; what is said waits until a thread of the caller's choice takes it.
class Trouble {
 public:
  // `who`: which of the clients inside; static storage.
  void Say(std::string_view who, rd_kafka_resp_err_t code, std::string_view reason);
  // What that client does works again.
  void Well(std::string_view who);
  void Tell(Notice notice);

  // Hands over what was said since the last call.
  void Deliver(const NoticeSink& sink);
  // The last reason given, for messages; empty: none.
  std::string last_words() const;

  // For rd_kafka_conf_set_error_cb; the configuration's opaque must be a TroubleOf.
  static void OnError(rd_kafka_t* client, int code, const char* reason, void* opaque);

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<std::string_view, rd_kafka_resp_err_t>> said_;
  std::vector<Notice> waiting_;
  std::string last_words_;
};

struct TroubleOf {
  std::string_view who;
  Trouble* trouble = nullptr;
  std::string subject = {};  // said where the brokers refuse it without a name: a group, a transactional id
};

// What to do about it; empty where that isn't known.
std::string_view HintFor(rd_kafka_resp_err_t code);

// For who asks once: why it got no answer. Thread-compatible.
class LastWords {
 public:
  void Take(rd_kafka_resp_err_t code, std::string_view reason);
  void Forget() { *this = {}; }
  // The reason and what to do about it; empty: nothing is known.
  std::string text() const;
  std::string_view hint() const { return HintFor(code_); }

 private:
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string reason_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_TROUBLE_H_
