// soliton log dump: prints what is in the files of a stopped node.
#include "cli/log_dump_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cli/batch_printer.h"
#include "cli/log_path.h"
#include "cli/record_format.h"
#include "runtime/file/posix_file_system.h"
#include "segment/batch_scanner.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"
#include "segment/segment.h"

namespace soliton::cli {
namespace {

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class LogDumpCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "log dump",
            .summary = "print the batches, records and index entries of a stopped node",
            .details =
                "PATH is a partition's folder (all segments in order) or one file: NAME.log, "
                "NAME.index or NAME.timeindex. Every batch's CRC is checked on the way; the first "
                "that is damaged ends the output with exit code 9.",
            .examples = {{"soliton log dump data/node-1/orders-0 -n 10", "the first records"},
                         {"soliton log dump data/node-1/orders-0 --from 5000 --headers", "batches"},
                         {"soliton log dump data/node-1/orders-0/00000000000000000000.index", ""},
                         {"soliton log dump data/node-1/orders-0 -o json | jq .base_offset", ""}}};
  }

  void Declare(OptionSet& options) override {
    flags_.Declare(options);
    options.Value("--from", "OFFSET", &printer_.from_offset, "begin with the record at OFFSET")
        .Range(0, INT64_MAX);
    options
        .Value("-n,--count", "N", &count_,
               "stop after so many records, or batches with --headers, or index entries")
        .Range(0, INT64_MAX)
        .ShowDefault("no limit");
    options.Flag("--headers", &headers_only_, "only the batches' headers, without their records");
    options.Choice<bool>("-o,--output", &printer_.json,
                         {{"text", false}, {"json", true}, {"jsonl", true}},
                         "text, or one JSON object per batch or entry and line");
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    printer_.with_records = !headers_only_;
    left_ = count_;
    if (flags_.path.ends_with(segment::kOffsetIndexSuffix)) return DumpOffsetIndex(context);
    if (flags_.path.ends_with(segment::kTimeIndexSuffix)) return DumpTimeIndex(context);
    LogPath target;
    if (auto error = OpenLogPath(flags_, fs_, &target)) return context.Fail(*error);
    if (target.kind == segment::LogPathKind::kSegmentFile) return DumpSegment(target.path, context);
    if (target.kind == segment::LogPathKind::kDataDirectory)
      return RefuseDirectory(target, context);
    return DumpPartition(target.path, context);
  }

 private:
  ExitCode RefuseDirectory(const LogPath& target, Context& context) {
    const auto folders = segment::ListPartitionFolders(fs_, target.path);
    const bool any = folders.ok() && !folders->empty();
    return context.Fail({ExitCode::kUsage, "this is a data directory: name one of its partitions",
                         target.path, "",
                         any ? "soliton log dump " + folders->front() : "it holds none"});
  }

  ExitCode DumpPartition(const std::string& directory, Context& context) {
    const auto entries = fs_.List(directory);
    if (!entries.ok()) return context.Fail(ErrorFromStatus("cannot read", entries.status()));
    std::vector<int64_t> base_offsets;
    for (const DirectoryEntry& entry : *entries) {
      if (auto base = segment::ParseSegmentFileName(entry.name, segment::kLogSuffix)) {
        base_offsets.push_back(*base);
      }
    }
    for (size_t i = 0; i < base_offsets.size() && left_ > 0; ++i) {
      const bool is_before =
          i + 1 < base_offsets.size() && base_offsets[i + 1] <= printer_.from_offset;
      if (is_before) continue;
      const std::string name = segment::SegmentFileName(base_offsets[i], segment::kLogSuffix);
      if (!printer_.json) context.out.Write(name + "\n");
      const ExitCode code = DumpSegment(JoinPath(directory, name), context);
      if (code != ExitCode::kOk) return code;
    }
    return ExitCode::kOk;
  }

  ExitCode DumpSegment(const std::string& path, Context& context) {
    const auto file = fs_.Open(path, OpenMode::kReadOnly);
    if (!file.ok()) return context.Fail(ErrorFromStatus("cannot open " + path, file.status()));
    segment::BatchScanner scanner(**file, 0, (*file)->size_bytes(),
                                  segment::BatchScanner::Depth::kChecksums,
                                  segment::BatchScanner::kScanChunkBytes);
    std::string text;
    while (left_ > 0) {
      const absl::StatusOr<bool> more = scanner.Next();
      if (!more.ok()) return Damaged(path, scanner.position(), more.status(), context);
      if (!*more) break;
      if (scanner.header().last_offset() < printer_.from_offset) continue;
      const auto batch = segment::ReadBatch(**file, scanner.position(), scanner.size_bytes());
      if (!batch.ok()) return Damaged(path, scanner.position(), batch.status(), context);
      text.clear();
      const absl::Status status =
          printer_.Print(NameOf(path), scanner.position(), *batch, &left_, text);
      // What could be read stands before what could not.
      if (!status.ok() && printer_.json) text.clear();
      context.out.Write(text);
      if (!status.ok()) return Damaged(path, scanner.position(), status, context);
    }
    return ExitCode::kOk;
  }

  static ExitCode Damaged(const std::string& path, int64_t position, const absl::Status& why,
                          Context& context) {
    if (!absl::IsDataLoss(why) && !absl::IsOutOfRange(why)) {
      return context.Fail(ErrorFromStatus("cannot read " + path, why));
    }
    return context.Fail(
        {ExitCode::kDataCorrupt, "no whole, valid batch", fmt::format("{} byte {}", path, position),
         std::string(why.message()),
         "whether it is damage or a torn tail: soliton log verify " + DirectoryOf(path)});
  }

  ExitCode DumpOffsetIndex(Context& context) {
    const auto bytes = ReadFile(fs_, flags_.path);
    if (!bytes.ok()) return context.Fail(ErrorFromStatus("cannot read", bytes.status()));
    const auto base = BaseOffsetOf(segment::kOffsetIndexSuffix, context);
    if (!base) return ExitCode::kUsage;
    const auto index =
        segment::OffsetIndex::Decode(*base, *bytes, std::numeric_limits<int64_t>::max());
    if (!index.ok()) return DamagedIndex(index.status(), context);
    std::string text;
    for (size_t i = 0; i < index->entry_count() && left_ > 0; ++i) {
      const segment::OffsetIndex::Entry entry = index->entry(i);
      if (entry.offset < printer_.from_offset) continue;
      --left_;
      text += printer_.json
                  ? fmt::format("{{\"offset\":{},\"position\":{}}}\n", entry.offset, entry.position)
                  : fmt::format("offset {}  byte {}\n", entry.offset, entry.position);
    }
    context.out.Write(text);
    return ExitCode::kOk;
  }

  ExitCode DumpTimeIndex(Context& context) {
    const auto bytes = ReadFile(fs_, flags_.path);
    if (!bytes.ok()) return context.Fail(ErrorFromStatus("cannot read", bytes.status()));
    const auto base = BaseOffsetOf(segment::kTimeIndexSuffix, context);
    if (!base) return ExitCode::kUsage;
    const auto index =
        segment::TimeIndex::Decode(*base, *bytes, std::numeric_limits<int64_t>::max());
    if (!index.ok()) return DamagedIndex(index.status(), context);
    std::string text;
    for (size_t i = 0; i < index->entry_count() && left_ > 0; ++i) {
      const segment::TimeIndex::Entry& entry = index->entry(i);
      if (entry.offset < printer_.from_offset) continue;
      --left_;
      text += printer_.json
                  ? fmt::format("{{\"timestamp\":{},\"offset\":{}}}\n", entry.timestamp_ms,
                                entry.offset)
                  : fmt::format("{}  offset {}\n", IsoTime(entry.timestamp_ms), entry.offset);
    }
    context.out.Write(text);
    return ExitCode::kOk;
  }

  std::optional<int64_t> BaseOffsetOf(std::string_view suffix, Context& context) const {
    const auto base = segment::ParseSegmentFileName(NameOf(flags_.path), suffix);
    if (!base) {
      context.Fail(
          {ExitCode::kUsage, "not named like an index", flags_.path, "",
           fmt::format("the name tells the first offset: 00000000000000000000{}", suffix)});
    }
    return base;
  }

  ExitCode DamagedIndex(const absl::Status& why, Context& context) const {
    return context.Fail({ExitCode::kDataCorrupt, "the index is damaged", flags_.path,
                         std::string(why.message()),
                         "the broker makes it anew from the segment when it starts"});
  }

  PosixFileSystem fs_;
  LogPathFlags flags_;
  BatchPrinter printer_;
  bool headers_only_ = false;
  int64_t count_ = INT64_MAX;
  int64_t left_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeLogDumpCommand() { return std::make_unique<LogDumpCommand>(); }

}  // namespace soliton::cli
