//! Directory text is hostile: what may go into a subject, a page, a table cell, and how lines are broken.

use unicode_segmentation::UnicodeSegmentation;

/// The longest grapheme that is a picture and not an attack: a family of four is seven characters, a Scottish flag as well.
const GRAPHEME_CHARS: usize = 10;

/// One line of text in which nothing moves, hides or ends anything: controls and line breaks become spaces, directional and invisible
/// characters go, runs of white space shrink to one space, and what is longer than `limit` graphemes ends in an ellipsis.
#[must_use]
pub fn clean(raw: &str, limit: usize) -> String {
    // Normalising the whole of a text of megabytes, to show eighty characters of it, is work for nothing.
    let visible: String = raw.chars().take(limit.saturating_mul(4 * GRAPHEME_CHARS)).filter_map(harmless).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    clip(&line, limit)
}

/// At most `limit` graphemes, the last of them an ellipsis where something was cut off.
fn clip(line: &str, limit: usize) -> String {
    let bounded = |grapheme: &str| grapheme.chars().take(GRAPHEME_CHARS).collect::<String>();
    if line.graphemes(true).count() <= limit {
        return line.graphemes(true).map(bounded).collect();
    }
    let mut kept: String = line.graphemes(true).take(limit.saturating_sub(1)).map(bounded).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// The character, a space in its place, or nothing.
fn harmless(c: char) -> Option<char> {
    match c {
        _ if c.is_control() || c.is_whitespace() => Some(' '),
        // Directional marks and overrides, zero-width characters, invisible tags and annotation marks. The joiners that hold
        // emoji and Indic syllables together stay.
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{180E}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E001F}'
        | '\u{E0080}'..='\u{E0FFF}' => None,
        _ => Some(c),
    }
}

/// A cell that no spreadsheet takes for a formula.
#[must_use]
pub fn cell(raw: &str) -> String {
    let cleaned = clean(raw, 256);
    if cleaned.starts_with(['=', '+', '-', '@', '|', '%', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}']) {
        format!("'{cleaned}")
    } else {
        cleaned
    }
}

/// Breaks a paragraph at spaces into lines of at most `width` characters; the first begins with `first`, the others with `rest`.
/// A word that is longer (a link, a command) stays whole.
#[must_use]
pub fn wrap(paragraph: &str, width: usize, first: &str, rest: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in paragraph.split(' ') {
        let length = line.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && length > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_controls_become_single_spaces() {
        assert_eq!(clean("Pay\r\nBcc: x@example.com\0\tAPI\u{2028}!\u{7f}", 80), "Pay Bcc: x@example.com API !");
    }

    #[test]
    fn characters_that_turn_or_hide_text_are_dropped() {
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200f}d\u{200b}e\u{feff}f\u{e0001}", 80), "abcdef");
        assert_eq!(clean("\u{202e}\r\n", 80), "");
    }

    #[test]
    fn joined_emoji_and_foreign_scripts_stay_whole() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(clean(family, 80), family);
        assert_eq!(clean("שלום नमस्ते", 80), "שלום नमस्ते");
        assert_eq!(clean(&family.repeat(256), 3), format!("{family}{family}…"));
    }

    #[test]
    fn a_letter_under_a_thousand_accents_is_cut_down() {
        let tower = format!("a{}", "\u{301}".repeat(1000));
        assert!(clean(&tower, 80).chars().count() <= GRAPHEME_CHARS);
    }

    #[test]
    fn long_names_end_in_an_ellipsis() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcd efg", 6), "abcd…");
    }

    #[test]
    fn formulas_are_no_formulas_in_a_cell() {
        assert_eq!(cell("=cmd|'/c calc'!A1"), "'=cmd|'/c calc'!A1");
        assert_eq!(cell("\r\n@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(cell("Payroll API"), "Payroll API");
    }

    #[test]
    fn paragraphs_are_wrapped_between_words_only() {
        assert_eq!(wrap("one two three", 9, "- ", "  "), "- one two\n  three");
        assert_eq!(wrap("https://example.com/averylongword x", 10, "", ""), "https://example.com/averylongword\nx");
        assert_eq!(wrap("", 10, "- ", ""), "- ");
    }
}
