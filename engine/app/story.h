// One account's story, collected while the fold runs, then told: what a support agent needs on one screen, and if asked for, all
// that was done and event by event what happened.
#ifndef SEKISHO_ENGINE_APP_STORY_H_
#define SEKISHO_ENGINE_APP_STORY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/app/story_screen.h"
#include "engine/app/words.h"
#include "engine/shard/shard.h"

namespace sekisho::app {

// Thread-compatible. Memory is bounded by kLinesMax.
class Story : public FoldObserver {
 public:
  // `all`: the screen is followed by the timeline, in which every event gets a line.
  Story(AccountId id, const Policy* policy, bool all) : id_(id), policy_(policy), all_(all) {}

  void OnEvent(const Event& event, const AccountWindow& account, const Features& features,
               std::span<const Signal> signals, const Risk& risk, const Action* action) override;
  void OnTimer(const AccountWindow& account, const Action& action) override;
  // After each event of any account was folded, whether it was judged (OnEvent) or not.
  void OnFolded(const Event& event);

  bool empty() const { return events_ == 0; }
  // The screen, and the timeline if asked for, ready to print: nothing in it can trouble a terminal. `login` is how the account is
  // called; `account` what the engine remembers of it at the end.
  std::string Tell(std::string_view login, const AccountWindow& account) const;

  static constexpr size_t kLinesMax = 5000;

 private:
  struct Line {
    EventTime time;
    std::string text;
    uint64_t times = 1;  // the same again and again is told once
  };

  void AddLine(EventTime time, std::string text);
  // Keeps count of what unfamiliar sources send.
  void FollowEpisode(const Event& event, const AccountWindow& account, const Features& features);
  // Remembers the account as it is now, if what is done is the gravest yet.
  void TakePicture(const Event& event, const AccountWindow& account, const Features& features, const Action& action);
  std::string Timeline() const;

  const AccountId id_;
  const Policy* const policy_;
  const bool all_;
  uint64_t events_ = 0, events_by_kind_[kEventKinds] = {};
  bool judged_ = false;  // the event being folded
  uint64_t lines_dropped_ = 0;
  EventTime first_, last_;
  int32_t risk_max_ = 0;
  EventTime risk_max_at_;
  std::string risk_max_signals_;
  std::vector<Line> lines_;
  std::vector<Action> actions_;       // what was done, without observe
  Episode episode_;
  std::optional<Picture> picture_;
  uint64_t messages_after_ = 0;       // by unfamiliar sources, after the picture's action
  EventTime last_after_;
  std::optional<Action> release_;     // the last after it
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_STORY_H_
