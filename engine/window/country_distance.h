// How far apart two countries are at least, for impossible_travel. Integer only.
//
// A country is a few principal places, one for each of its time zones: those of the time zone database's zone.tab (public
// domain), as points of the unit sphere in country_points.inc, which make_country_points.py writes. Many places for a wide
// country beat one centre: Honolulu is the United States, too.
#ifndef SEKISHO_ENGINE_WINDOW_COUNTRY_DISTANCE_H_
#define SEKISHO_ENGINE_WINDOW_COUNTRY_DISTANCE_H_

#include <cstdint>

namespace sekisho {

// Kilometres between the nearest principal places of the two, less kCountryReachKm for what lies around them; 0 where that
// leaves nothing, for one country, and for one that the table doesn't know. Never more than 1% over the great circle between
// these places, and up to 17% under it towards the other end of the world.
int64_t CountryDistanceKm(uint16_t a, uint16_t b);

// Japan's place is Tokyo, and Fukuoka is as far from it as Busan is near.
inline constexpr int64_t kCountryReachKm = 1000;

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_COUNTRY_DISTANCE_H_
