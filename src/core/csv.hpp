#pragma once
// CSV as RFC 4180 has it, without memory of its own: fields are views into the text.
//
// A field in quotes may hold separators and line ends, and "" for a quote. A line ends with LF, CRLF or CR.
// An empty field without quotes is a missing value, "" is an empty text. Lines without a character are no
// records. A byte order mark at the start is skipped.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ipam {

struct CsvField {
	std::string_view raw; // without the quotes around it; where is_quoted, with "" for each quote in it
	bool is_quoted;

	constexpr bool is_missing() const noexcept { return !is_quoted && raw.empty(); }

	// Writes the value, which is at most as long as raw, and returns its length.
	constexpr std::size_t read(char *out) const noexcept {
		std::size_t length = 0;
		for (std::size_t i = 0; i < raw.size(); ++i) {
			out[length++] = raw[i];
			if (is_quoted && raw[i] == '"' && i + 1 < raw.size()) ++i;
		}
		return length;
	}
};

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

class CsvReader {
public:
	explicit constexpr CsvReader(std::string_view content) noexcept
	    : content_(content), next_(content.starts_with(byte_order_mark) ? byte_order_mark.size() : 0) {}

	// Goes to the next record; false at the end. What is left of the present one is skipped.
	constexpr bool next_record() noexcept {
		for (CsvField skipped{}; next_field(skipped);) {
		}
		while (at_line_end())
			end_line();
		if (at_end()) return false;
		record_line_ = line_;
		problem_ = nullptr;
		in_record_ = true;
		return true;
	}

	// The next field of the record; false after the last one.
	constexpr bool next_field(CsvField &field) noexcept {
		if (!in_record_) return false;
		field = !at_end() && content_[next_] == '"' ? quoted_field() : plain_field();
		if (!at_end() && content_[next_] == ',') {
			++next_;
			return true;
		}
		in_record_ = false;
		if (!at_end()) end_line();
		return true;
	}

	// The line, counted from 1, on which the record starts.
	constexpr std::uint64_t line() const noexcept { return record_line_; }

	// What is wrong with the fields of the record read so far, or nullptr.
	constexpr const char *problem() const noexcept { return problem_; }

private:
	constexpr bool at_end() const noexcept { return next_ == content_.size(); }
	constexpr bool at_line_end() const noexcept {
		return !at_end() && (content_[next_] == '\n' || content_[next_] == '\r');
	}

	constexpr void end_line() noexcept {
		const bool is_pair = content_.substr(next_, 2) == "\r\n";
		next_ += is_pair ? 2 : 1;
		++line_;
	}

	constexpr CsvField plain_field() noexcept {
		const std::size_t start = next_;
		while (!at_end() && !at_line_end() && content_[next_] != ',') {
			if (content_[next_] == '"' && problem_ == nullptr)
				problem_ = "a quote stands inside a field without quotes";
			++next_;
		}
		return {content_.substr(start, next_ - start), false};
	}

	constexpr CsvField quoted_field() noexcept {
		const std::size_t start = ++next_;
		while (!at_end()) {
			if (at_line_end()) {
				end_line();
			} else if (content_[next_] != '"') {
				++next_;
			} else if (content_.substr(next_, 2) == "\"\"") {
				next_ += 2;
			} else {
				const CsvField field{content_.substr(start, next_ - start), true};
				++next_;
				skip_to_separator();
				return field;
			}
		}
		if (problem_ == nullptr) problem_ = "a quote is not closed";
		return {content_.substr(start), true};
	}

	constexpr void skip_to_separator() noexcept {
		while (!at_end() && !at_line_end() && content_[next_] != ',') {
			if (problem_ == nullptr) problem_ = "text follows a closing quote";
			++next_;
		}
	}

	std::string_view content_;
	std::size_t next_; // of content_, to be read next
	std::uint64_t line_ = 1;
	std::uint64_t record_line_ = 0;
	const char *problem_ = nullptr;
	bool in_record_ = false;
};

// --- writing ------------------------------------------------------------------------------------

constexpr bool needs_csv_quotes(std::string_view value) noexcept {
	return value.empty() || value.find_first_of(",\"\r\n") != std::string_view::npos ||
	       value.front() == ' ' || value.back() == ' ' || value.starts_with(byte_order_mark);
}

// How long the field of a value that is not missing is.
constexpr std::size_t csv_field_length(std::string_view value) noexcept {
	std::size_t length = value.size() + (needs_csv_quotes(value) ? 2 : 0);
	for (const char c : value)
		length += c == '"' ? 1 : 0;
	return length;
}

// Writes a value that is not missing as a field and returns the length of the field.
constexpr std::size_t write_csv_field(std::string_view value, char *out) noexcept {
	const bool quoted = needs_csv_quotes(value);
	std::size_t length = 0;
	if (quoted) out[length++] = '"';
	for (const char c : value) {
		out[length++] = c;
		if (c == '"') out[length++] = c;
	}
	if (quoted) out[length++] = '"';
	return length;
}

} // namespace ipam
