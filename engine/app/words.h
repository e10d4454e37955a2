// Findings in words that a support agent can read out.
#ifndef SEKISHO_ENGINE_APP_WORDS_H_
#define SEKISHO_ENGINE_APP_WORDS_H_

#include <string>
#include <string_view>

#include "engine/model/action.h"
#include "engine/model/event.h"

namespace sekisho::app {

// "login", "login_failed", "submission", …
std::string_view Name(EventKind kind);

// What a detector looks for: "mail sent from several countries far from the owner's".
std::string_view DetectorWords(DetectorId id);

// The same of a finding: an operator's rule says what its author wrote.
std::string DetectorWords(const Signal& signal);

// "4 countries new to the owner from which unfamiliar sources sent, within 2h (threshold 3)".
std::string EvidenceWords(const Evidence& evidence);

// "source_rotation 50, send_without_read 30 (shadow)".
std::string SignalList(const std::vector<Signal>& signals);

// Why the ladder came to this: what the rule's name stands for.
std::string_view RuleWords(std::string_view rule);

// What ends an action, and what would have kept it from being taken: full sentences, a line each, for the kinds that stop
// or slow anybody; empty for others.
std::string RemedyWords(const Action& action);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_WORDS_H_
