// SPDX-License-Identifier: MIT
// unit/http/phase_test.cpp: the next step of a connection, for every state that it can be in.
#include "http/phase.h"

#include <doctest/doctest.h>

#include <iterator>
#include <set>
#include <tuple>

namespace uvhttpd::http {
namespace {

using Q = RequestPhase;
using P = ResponsePhase;

struct Row {
  RequestPhase request;
  ResponsePhase response;
  Step once;   // the connection closes after this exchange
  Step again;  // it is kept
};

constexpr Row kRows[] = {
    {Q::preface, P::none, Step::identify, Step::identify},
    {Q::preface, P::ready, Step::flush, Step::flush},
    {Q::preface, P::sending, Step::flush, Step::flush},
    {Q::preface, P::done, Step::close, Step::close},
    {Q::preface, P::broken, Step::break_off, Step::break_off},

    {Q::head, P::none, Step::parse, Step::parse},
    {Q::head, P::ready, Step::flush, Step::flush},
    {Q::head, P::sending, Step::flush, Step::flush},
    {Q::head, P::done, Step::close, Step::close},
    {Q::head, P::broken, Step::break_off, Step::break_off},

    {Q::body, P::none, Step::feed, Step::feed},
    {Q::body, P::ready, Step::flush, Step::flush},
    {Q::body, P::sending, Step::flush, Step::flush},
    {Q::body, P::done, Step::close, Step::discard},
    {Q::body, P::broken, Step::break_off, Step::break_off},

    {Q::done, P::none, Step::feed, Step::feed},
    {Q::done, P::ready, Step::flush, Step::flush},
    {Q::done, P::sending, Step::flush, Step::flush},
    {Q::done, P::done, Step::close, Step::recycle},
    {Q::done, P::broken, Step::break_off, Step::break_off},

    {Q::tunnel, P::none, Step::relay, Step::relay},
    {Q::tunnel, P::ready, Step::relay, Step::relay},
    {Q::tunnel, P::sending, Step::relay, Step::relay},
    {Q::tunnel, P::done, Step::close, Step::close},
    {Q::tunnel, P::broken, Step::break_off, Step::break_off},

    {Q::lost, P::none, Step::abandon, Step::abandon},
    {Q::lost, P::ready, Step::abandon, Step::abandon},
    {Q::lost, P::sending, Step::abandon, Step::abandon},
    {Q::lost, P::done, Step::close, Step::close},
    {Q::lost, P::broken, Step::break_off, Step::break_off},
};
constexpr std::size_t kRequestPhases = static_cast<std::size_t>(Q::lost) + 1;
constexpr std::size_t kResponsePhases = static_cast<std::size_t>(P::broken) + 1;
static_assert(std::size(kRows) == kRequestPhases * kResponsePhases);

}  // namespace

TEST_CASE("next_step is what the table says") {
  std::set<std::tuple<RequestPhase, ResponsePhase>> covered;
  for (const Row& row : kRows) {
    CAPTURE(static_cast<int>(row.request));
    CAPTURE(static_cast<int>(row.response));
    CHECK(next_step(row.request, row.response, false) == row.once);
    CHECK(next_step(row.request, row.response, true) == row.again);
    covered.insert({row.request, row.response});
  }
  CHECK(covered.size() == std::size(kRows));
}

TEST_CASE("Only an exchange whose both sides are done lets the connection go on") {
  for (const Row& row : kRows) {
    CAPTURE(static_cast<int>(row.request));
    CAPTURE(static_cast<int>(row.response));
    CHECK(row.once != Step::recycle);
    CHECK((row.again == Step::recycle) == (row.request == Q::done && row.response == P::done));
  }
}

}  // namespace uvhttpd::http
