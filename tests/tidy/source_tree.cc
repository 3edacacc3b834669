#include "tests/tidy/source_tree.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::tidy {
namespace {

const char* const kFolders[] = {"runtime", "protocol", "segment",  "controller",
                                "broker",  "producer", "consumer", "config",
                                "cli",     "bench",    "tests"};

std::string FolderOf(const std::string& path) {
  const size_t first = path.find('/');
  if (path.substr(0, first) != "tests") return path.substr(0, first);
  return path.substr(0, path.find('/', first + 1));
}

SourceFile Load(const FileSystem& fs, const std::string& root, const std::string& path) {
  auto content = ReadFile(fs, JoinPath(root, path));
  CHECK(content.ok(), "{}: {}", path, content.status().ToString());
  SourceFile file{path, FolderOf(path), {}};
  bool in_block = false;
  size_t begin = 0;
  for (int number = 1; begin < content->size(); ++number) {
    const size_t end = std::min(content->find('\n', begin), content->size());
    std::string raw = content->substr(begin, end - begin);
    std::string text = BlankOut(raw, in_block);
    file.lines.push_back({number, std::move(text), std::move(raw)});
    begin = end + 1;
  }
  return file;
}

void Walk(const FileSystem& fs, const std::string& root, const std::string& folder,
          std::vector<SourceFile>& out) {
  auto entries = fs.List(JoinPath(root, folder));
  CHECK(entries.ok(), "{}: {}", folder, entries.status().ToString());
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = JoinPath(folder, entry.name);
    if (entry.is_directory) {
      Walk(fs, root, path, out);
    } else if (path.ends_with(".h") || path.ends_with(".cc")) {
      out.push_back(Load(fs, root, path));
    }
  }
}

}  // namespace

std::string BlankOut(const std::string& line, bool& in_block) {
  std::string out(line.size(), ' ');
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool pair = i + 1 < line.size();
    if (in_block) {
      if (pair && line[i] == '*' && line[i + 1] == '/') {
        in_block = false;
        ++i;
      }
    } else if (quote != 0) {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == quote) {
        out[i] = quote;
        quote = 0;
      }
    } else if (pair && line[i] == '/' && line[i + 1] == '/') {
      return out;
    } else if (pair && line[i] == '/' && line[i + 1] == '*') {
      in_block = true;
      ++i;
    } else {
      out[i] = line[i];
      const bool digit_separator = line[i] == '\'' && i > 0 && std::isalnum(line[i - 1]);
      if (line[i] == '"' || (line[i] == '\'' && !digit_separator)) quote = line[i];
    }
  }
  return out;
}

std::vector<SourceFile> LoadSources() {
  PosixFileSystem fs;
  std::vector<SourceFile> files;
  for (const char* folder : kFolders) Walk(fs, SOLITON_SOURCE_DIR, folder, files);
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace soliton::tidy
