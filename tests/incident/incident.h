// A published incident as log lines: the sources of 84 messages that one stolen account of a Japanese provider sent within
// two hours in 2014 (tests/data/rotating-addresses-2014.tsv), after a month of its owner's use. The addresses and times of the
// thief are the published ones; one message with one recipient stands for each, since no more is known. The owner is
// invented: home and phone in Japan, a mailbox that is read, a small address book.
#ifndef SEKISHO_TESTS_INCIDENT_INCIDENT_H_
#define SEKISHO_TESTS_INCIDENT_INCIDENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::incident {

inline constexpr char kAccount[] = "owner@isp.example.jp";

struct Use {
  Span elapsed;         // since the theft began
  IpAddress ip;
  std::string country;  // two letters
};

// The rows of the file. InvalidArgument names the line that cannot be read.
absl::StatusOr<std::vector<Use>> ReadUses(const std::string& path);

// When the theft begins: a month after the owner's first use.
EventTime TheftBegins();

// Postfix and Dovecot lines in the order of their times, time stamps in ISO 8601.
std::string LogLines(const std::vector<Use>& uses);

// A country database that holds the published countries (addresses have changed hands since) and the owner's networks.
absl::Status WriteGeo(const std::vector<Use>& uses, const std::string& path);

}  // namespace sekisho::incident

#endif  // SEKISHO_TESTS_INCIDENT_INCIDENT_H_
