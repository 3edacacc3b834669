#include "tests/segment/log_scripts.h"

#include <algorithm>

namespace soliton::segment {

void AppendSome(LogModel& log, int count, int32_t leader_epoch) {
  for (int i = 0; i < count; ++i) {
    const BatchSpec spec = {.records = 1 + i % 3, .value = std::string(20 + 30 * (i % 4), 'x')};
    if (i % 5 == 0) {
      log.AppendAsLeader(spec, leader_epoch);
    } else {
      log.AppendAsProducer(i % 2, spec, leader_epoch);
    }
  }
}

namespace {

void AppendingAndRolling(LogModel& log) {
  for (int round = 0; round < 6; ++round) {
    AppendSome(log, 5, round / 2);
    log.Flush();
  }
  AppendSome(log, 3, 3);
}

void AppendingInGroups(LogModel& log) {
  for (int round = 0; round < 4; ++round) {
    std::vector<BatchSpec> specs;
    for (int i = 0; i < 3 + 2 * round; ++i) {
      specs.push_back({.records = 1 + i % 3, .value = std::string(20 + 30 * (i % 4), 'x')});
    }
    if (round % 2 == 1) log.ContinueAll(round, specs);
    log.AppendTogether(specs, round / 2);
    if (round != 2) log.Flush();
  }
}

void AppendsGoOnDuringTheFlush(LogModel& log) {
  for (int round = 0; round < 6; ++round) {
    AppendSome(log, 4, round);
    log.TakeFlush();
    AppendSome(log, 4, round);
    log.FinishFlush();
  }
}

void Following(LogModel& log) {
  for (int round = 0; round < 4; ++round) {
    log.AppendAsFollower({{.records = 3, .value = std::string(150, 'a')},
                          {.records = 1, .value = std::string(250, 'b')},
                          {.records = 2, .value = std::string(200, 'c')}},
                         round);
    log.Flush();
  }
}

void Truncating(LogModel& log) {
  AppendSome(log, 12, 1);
  log.Flush();
  AppendSome(log, 8, 2);
  log.TruncateTo(25);
  AppendSome(log, 8, 3);
  log.Flush();
  AppendSome(log, 8, 4);
  log.TruncateTo(5);
  AppendSome(log, 4, 5);
  log.Flush();
}

void TruncatingUnderAFlush(LogModel& log) {
  AppendSome(log, 16, 1);
  log.TakeFlush();
  log.TruncateTo(12);
  AppendSome(log, 14, 2);
  log.FinishFlush();
  log.TakeFlush();
  log.TruncateTo(9);
  log.FinishFlush();
  AppendSome(log, 14, 3);
  log.Flush();
}

void TruncatingFully(LogModel& log) {
  AppendSome(log, 12, 1);
  log.Flush();
  log.TruncateFullyAndStartAt(1000);
  AppendSome(log, 6, 2);
  log.TakeFlush();
  log.TruncateFullyAndStartAt(2000);
  AppendSome(log, 6, 3);
  log.FinishFlush();
  log.Flush();
  log.TruncateFullyAndStartAt(10);
  AppendSome(log, 6, 4);
  log.Flush();
}

void TheLogStartMoves(LogModel& log) {
  AppendSome(log, 20, 1);
  log.Flush();
  log.AdvanceLogStart(4);
  log.AdvanceLogStart(17);
  AppendSome(log, 10, 2);
  log.Flush();
  log.ApplyRetention(-1, 900);
  AppendSome(log, 3, 3);
  log.AdvanceLogStart(log.end_offset());
  AppendSome(log, 3, 3);
  log.Flush();
}

void ClosingAndReopening(LogModel& log) {
  for (int round = 0; round < 3; ++round) {
    AppendSome(log, 7, round);
    if (!log.CloseCleanly()) return;
    if (!log.Open(true).ok()) return;
  }
  AppendSome(log, 7, 4);
  log.Flush();
}

void FollowingALeaderThatDiverges(LogModel& log) {
  for (int round = 0; round < 3; ++round) {
    log.AppendAsFollower({{.records = 3, .value = std::string(150, 'a')},
                          {.records = 1, .value = std::string(250, 'b')}},
                         2 * round);
    log.Flush();
    log.AppendAsFollower({{.records = 2, .value = std::string(120, 'c')}}, 2 * round);
    log.TruncateTo(std::max<int64_t>(log.start_offset(), log.end_offset() - 3));
    log.AppendAsFollower({{.records = 2, .value = std::string(300, 'd')},
                          {.records = 2, .value = std::string(90, 'e')}},
                         2 * round + 1);
    log.Flush();
  }
}

void LeadingShortEpochs(LogModel& log) {
  for (int32_t epoch = 1; epoch < 8; ++epoch) {
    log.AssignLeaderEpoch(epoch);
    if (epoch % 3 != 0) AppendSome(log, 2, epoch);
    if (epoch % 2 == 0) log.Flush();
    if (epoch == 5) log.TruncateTo(log.end_offset());
  }
  log.Flush();
}

void StartingOverBehindTheLeader(LogModel& log) {
  log.AppendAsFollower({{.records = 3, .value = std::string(400, 'a')},
                        {.records = 1, .value = std::string(350, 'b')}},
                       1);
  log.Flush();
  log.TruncateFullyAndStartAt(500);
  log.AppendAsFollower({{.records = 4, .value = std::string(200, 'c')},
                        {.records = 1, .value = std::string(250, 'd')}},
                       4);
  log.AdvanceLogStart(502);
  log.Flush();
  log.AdvanceLogStart(504);
}

void RetentionDeletesEverything(LogModel& log) {
  AppendSome(log, 12, 1);
  log.Flush();
  log.AdvanceTime(1000);
  log.ApplyRetention(10, -1);
  AppendSome(log, 5, 1);
  log.Flush();
  log.AdvanceTime(1000);
  log.ApplyRetention(10, -1);
  AppendSome(log, 2, 2);
  log.Flush();
}

void StartingAndStoppingAtOnce(LogModel& log) {
  // Empty at first, which leaves little to do.
  for (int round = 0; round < 6; ++round) {
    if (!log.CloseCleanly()) return;
    if (!log.Open(round % 2 == 0).ok()) return;
    if (round != 2) continue;
    log.AppendAsLeader({.value = "a"}, 1);
    log.Flush();
  }
}

void OneBatchIsFlushed(LogModel& log) {
  log.AppendAsLeader({.value = "a"}, 1);
  log.Flush();
  log.AppendAsProducer(0, {.value = "b"}, 1);
}

constexpr LogScript kScripts[] = {
    {"AppendingAndRolling", AppendingAndRolling},
    {"AppendingInGroups", AppendingInGroups},
    {"AppendsGoOnDuringTheFlush", AppendsGoOnDuringTheFlush},
    {"Following", Following},
    {"Truncating", Truncating},
    {"TruncatingUnderAFlush", TruncatingUnderAFlush},
    {"TruncatingFully", TruncatingFully},
    {"TheLogStartMoves", TheLogStartMoves},
    {"ClosingAndReopening", ClosingAndReopening},
    {"FollowingALeaderThatDiverges", FollowingALeaderThatDiverges},
    {"LeadingShortEpochs", LeadingShortEpochs},
    {"StartingOverBehindTheLeader", StartingOverBehindTheLeader},
    {"RetentionDeletesEverything", RetentionDeletesEverything},
    {"StartingAndStoppingAtOnce", StartingAndStoppingAtOnce},
    {"OneBatchIsFlushed", OneBatchIsFlushed},
};

}  // namespace

std::span<const LogScript> LogScripts() { return kScripts; }

}  // namespace soliton::segment
