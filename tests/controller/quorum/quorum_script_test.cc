// Whole conversations of a quorum as text: each file in scripts/ holds commands and what they lead
// to. QUORUM_REWRITE=1 writes the files anew, for a review of the difference.
//
//   # what this is about
//   nodes 3                 three voters; `nodes 3 1`: and one that does not vote yet
//   timeout 1               node 1 hears nothing until its deadline
//   deliver 1 2             all that node 1 has said to node 2; `deliver`: all, and the answers to
//   it disk 1                  node 1's disk does what it was asked for settle deliver and disk,
//   until nothing happens run 300                 so many milliseconds with packets and disks that
//   do what they should quietly ...             nothing is told of it propose 1               a
//   batch; `voters 1 = 1 2`: one that says who votes drop 1 2, crash 1, restart 1, replace 1 (its
//   disk), break 1 2, connect 1 2, cut 1 2, mend 1 2, transfer 1, learner 1 4, compact 1, status
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "runtime/file/posix_file_system.h"
#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {
namespace {

class Script {
 public:
  // What the command leads to, a line each.
  std::string Run(const std::string& line) {
    told_.clear();
    std::istringstream words(line);
    std::string command;
    words >> command;
    const bool quietly = command == "quietly";
    if (quietly) words >> command;
    std::vector<int> numbers;
    for (std::string word; words >> word;) {
      if (word != "=") numbers.push_back(std::atoi(word.c_str()));
    }
    if (command == "nodes") {
      QuorumWorld::Options options;
      options.voters = numbers.at(0);
      options.spares = numbers.size() > 1 ? numbers[1] : 0;
      options.batches_per_message = 1;
      world_ = std::make_unique<QuorumWorld>(options, 1);
      world_->on_note = [this](int, const std::string& what) { told_ += what + "\n"; };
    } else if (!Do(command, numbers)) {
      told_ += "(nothing)\n";
    }
    if (quietly) told_.clear();
    if (!world_->violation().empty()) told_ += "VIOLATED: " + world_->violation() + "\n";
    return told_;
  }

 private:
  bool Do(const std::string& command, const std::vector<int>& numbers) {
    const auto node = [&](size_t i) { return numbers.at(i) - 1; };
    if (command == "timeout") return world_->Timeout(node(0));
    if (command == "deliver") return numbers.empty() ? DeliverAll() : Packets(numbers, true);
    if (command == "drop") return Packets(numbers, false);
    if (command == "disk") return Disk(node(0));
    if (command == "settle") return Settle();
    if (command == "propose") return world_->Propose(node(0));
    if (command == "voters") return Voters(numbers);
    if (command == "crash") return world_->Crash(node(0), 0, false);
    if (command == "restart") return world_->Restart(node(0));
    if (command == "replace") return world_->ReplaceDisk(node(0));
    if (command == "break") return world_->Break(node(0), node(1));
    if (command == "connect") return world_->Connect(node(0), node(1));
    if (command == "transfer") return world_->Transfer(node(0));
    if (command == "learner") return world_->AddLearner(node(0), node(1));
    if (command == "compact") return world_->Compact(node(0));
    if (command == "cut" || command == "mend") {
      world_->SetCut(node(0), node(1), command == "cut");
    } else if (command == "run") {
      world_->RunFor(milliseconds(numbers.at(0)));
    } else if (command == "status") {
      told_ += world_->Describe();
    } else {
      ADD_FAILURE() << "no such command: " << command;
    }
    return true;
  }

  bool Packets(const std::vector<int>& numbers, bool deliver) {
    // What they lead to is not delivered by the same command.
    std::vector<size_t> which;
    for (size_t i = 0; i < world_->packets().size(); ++i) {
      const auto& packet = world_->packets()[i];
      if (packet.from == numbers.at(0) - 1 && packet.to == numbers.at(1) - 1) which.push_back(i);
    }
    for (size_t gone = 0; gone < which.size(); ++gone) {
      if (deliver) {
        world_->Deliver(which[gone] - gone);
      } else {
        world_->Drop(which[gone] - gone);
      }
    }
    return !which.empty();
  }

  bool DeliverAll() {
    const bool any = !world_->packets().empty();
    while (!world_->packets().empty()) world_->Deliver(0);
    return any;
  }

  bool Disk(int node) {
    bool any = world_->Persisted(node);
    while (world_->BeginFlush(node) || world_->EndFlush(node)) any = true;
    return world_->Install(node) || any;
  }

  bool Settle() {
    bool any = false;
    for (bool more = true; more;) {
      more = DeliverAll();
      for (int i = 0; i < world_->size(); ++i) more |= Disk(i);
      any |= more;
    }
    return any;
  }

  bool Voters(const std::vector<int>& numbers) {
    std::vector<Voter> voters;
    for (size_t i = 1; i < numbers.size(); ++i) voters.push_back(world_->voter(numbers[i] - 1));
    return world_->ProposeVoters(numbers.at(0) - 1, VoterSet(voters));
  }

  std::unique_ptr<QuorumWorld> world_;
  std::string told_;
};

// The file with its results as they are now.
std::string Replay(const std::string& text) {
  Script script;
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    ")) continue;  // a result
    out += line + "\n";
    if (line.empty() || line.starts_with("#")) continue;
    std::istringstream results(script.Run(line));
    for (std::string result; std::getline(results, result);) out += "    " + result + "\n";
  }
  return out;
}

TEST(QuorumScriptTest, ConversationsGoAsWritten) {
  PosixFileSystem files;
  const std::string folder = SOLITON_SOURCE_DIR "/tests/controller/quorum/scripts";
  const auto entries = files.List(folder);
  ASSERT_TRUE(entries.ok()) << entries.status();
  int count = 0;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".txt")) continue;
    ++count;
    const std::string path = JoinPath(folder, entry.name);
    const auto text = ReadFile(files, path);
    ASSERT_TRUE(text.ok()) << text.status();
    const std::string now = Replay(*text);
    if (std::getenv("QUORUM_REWRITE") != nullptr) {
      ASSERT_TRUE(WriteFileAtomically(files, path, now).ok());
    } else {
      EXPECT_EQ(*text, now) << path;
    }
    EXPECT_EQ(now.find("VIOLATED"), std::string::npos) << path << "\n" << now;
  }
  EXPECT_GE(count, 10);
}

}  // namespace
}  // namespace soliton::controller
