// DrawOptions(): the settings of one run of a measurement. The ranges are stated in README.md; a change to them
// makes figures of before and after differ, so they are frozen before anything is measured.
#include <algorithm>

#include "engine/simulate/random.h"
#include "engine/simulate/simulate.h"

namespace sekisho::simulate {
namespace {

enum : uint64_t { kDraw = 501 };

}  // namespace

SimulateOptions DrawOptions(uint64_t seed, const SimulateOptions& base) {
  SimulateOptions o;
  o.out_dir = base.out_dir;
  o.days = base.days;
  o.history_share = base.history_share;
  o.history_days = base.history_days;
  o.seed = seed;
  Random random(Key({seed, kDraw}));

  // Size, and where in the year: months end in some runs and not in others.
  o.accounts = std::max(1u, static_cast<uint32_t>(base.accounts * random.LogUniform(0.4, 2.5)));
  o.start = base.start + Span::Days(7 * random.Between(0, 25));

  // Who lives there. Each kind more or less; those whose addresses wander, much more or much less.
  for (double& share : o.kind_shares) share *= random.LogUniform(0.6, 1.6);
  for (const Kind kind : {Kind::kMobile, Kind::kTraveller, Kind::kVpn, Kind::kCloudClient, Kind::kTeamAbroad, Kind::kIpv6}) {
    o.kind_shares[static_cast<size_t>(kind)] *= random.LogUniform(0.4, 2.5);
  }
  // One service in four isn't in Japan; a twentieth to a third of its owners live elsewhere.
  constexpr const char* kHomes[] = {"DE", "US", "KR", "TW", "GB", "FR", "BR", "AU"};
  const char* home = random.Chance(0.75) ? "JP" : kHomes[random.Below(std::size(kHomes))];
  const double elsewhere = random.LogUniform(0.05, 0.33);
  std::erase_if(o.owner_countries, [home](const auto& row) { return row.first == home; });
  for (auto& [code, weight] : o.owner_countries) {
    weight = code == "JP" ? 0 : elsewhere / static_cast<double>(o.owner_countries.size());
  }
  o.owner_countries.insert(o.owner_countries.begin(), {home, 1 - elsewhere});
  o.imap_logins_per_day = random.LogUniform(4, 14);
  o.guesses_per_day = random.LogUniform(0.1, 1.2);
  o.relay_share = random.Chance(0.3) ? random.Real() : 0;

  // Thieves: which, how many, how greedy, how careful.
  o.stolen_share = base.stolen_share * random.LogUniform(0.4, 2.5);
  for (double& weight : o.attack_weights) weight *= random.LogUniform(0.4, 2.5);
  o.intensity = random.LogUniform(0.5, 2);
  o.stealth = 0.6 * random.Real();
  o.return_share = 0.2 * random.Real();

  // The logs: how they are written, and in one run of four what goes wrong with them on the way.
  o.header = random.Chance(0.3) ? HeaderStyle::kIso8601 : HeaderStyle::kRfc3164;
  o.long_queue_ids = random.Chance(0.5);
  o.skew_seconds = random.Chance(0.5) ? random.LogUniform(0.1, 30) : 0;
  if (random.Chance(0.25)) {
    o.lost_share = random.LogUniform(0.000'1, 0.01);
    o.duplicated_share = random.LogUniform(0.000'1, 0.01);
  }
  return o;
}

}  // namespace sekisho::simulate
