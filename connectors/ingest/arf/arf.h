// Feedback reports (ARF, RFC 5965; types also from RFC 6430 and 6591), turned into complaints.
//
// A report is a mail message: multipart/report, report-type=feedback-report, of three parts: words for people;
// message/feedback-report; and the message that is complained about, or its header fields alone.
//
// | Feedback-Type                                               | event     |
// | ----------------------------------------------------------- | --------- |
// | abuse, fraud, virus                                         | complaint |
// | not-spam, auth-failure, opt-out, opt-out-list, other, dkim… | none      |
//
// Its time is that of the topmost Received field of the report, which our own host wrote; else of Date.
// Its account is the first of
//  1. the topmost field of the original message with a configured name (`account_headers`), which our hosts add;
//  2. what stands for the account in the envelope sender (Original-Mail-From, else the original's Return-Path), where it
//     fits the configured pattern (`verp`): with "bounces+*@example.jp", bounces+hanako=example.jp@example.jp is of
//     hanako@example.jp;
//  3. "(Authenticated sender: LOGIN)" in the topmost Received field of the original that has one (Postfix with
//     smtpd_sasl_authenticated_header). That field's queue id goes into the event, too.
// One report is one complaint, whatever number of Incidents it claims. No address, no subject, no content goes further.
//
// Hostile text: all of it. A report says whatever its sender wished, so whoever can put one where this reads can accuse any
// account. Feed only what came through a feedback loop that was subscribed to, from a mailbox that takes nothing else (check
// DKIM there). Against the author of the original, who may forge fields that name somebody else's account, the topmost
// of several counts: he can only write below what our hosts put on top. A receiver that reorders fields undoes that.
#ifndef SEKISHO_CONNECTORS_INGEST_ARF_ARF_H_
#define SEKISHO_CONNECTORS_INGEST_ARF_ARF_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/common/canonical.h"
#include "connectors/common/parser.h"

namespace sekisho::connectors {

struct ArfOptions {
  std::vector<std::string> account_headers;  // names of fields, without ':'
  std::string verp;                          // holds one '*'; empty: none
};

// Takes whole messages: a LogLine with the program kMailProgram, whose message is the mail's text, its lines ended by LF.
// Of a report that was cut off it takes what is there.
std::unique_ptr<Parser> MakeArfParser(Canonicalizer* canonicalizer, ArfOptions options);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_ARF_ARF_H_
