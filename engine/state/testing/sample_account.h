// An account that has lived through everything, for the tests of its stored form.
#ifndef SEKISHO_ENGINE_STATE_TESTING_SAMPLE_ACCOUNT_H_
#define SEKISHO_ENGINE_STATE_TESTING_SAMPLE_ACCOUNT_H_

#include <cstdint>

#include "engine/window/account_window.h"

namespace sekisho {

// "hanako@example.jp" after three weeks: reads, sends, a trip, webmail, a forgotten password, a changed one. `busy`: then
// also guessed, sent from by 300 strangers, with bounces, and suspended. Always the same.
AccountWindow SampleAccount(bool busy);

// Folds in the i-th event of a life that goes on after `from`, of every kind in turn.
void LiveOn(AccountWindow* account, EventTime from, int64_t i);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_TESTING_SAMPLE_ACCOUNT_H_
