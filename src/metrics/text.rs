//! The Prometheus text format, written line by line.

use std::fmt::Write as _;

use super::Family;

/// One sample while it is being written.
#[derive(Debug)]
pub(super) struct Line<'a> {
    out: &'a mut String,
    labels: bool,
}

impl<'a> Line<'a> {
    /// Begins a sample of the family `name`.
    pub(super) fn new(out: &'a mut String, name: &str) -> Self {
        out.push_str(name);
        Self { out, labels: false }
    }

    /// Adds a label. The value may be any text.
    pub(super) fn label(mut self, name: &str, value: &str) -> Self {
        self.out.push(if self.labels { ',' } else { '{' });
        self.labels = true;
        self.out.push_str(name);
        self.out.push_str("=\"");
        push_escaped(self.out, value);
        self.out.push('"');
        self
    }

    /// Ends the sample with a number.
    pub(super) fn value(self, value: i64) {
        let out = self.end();
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{value}");
    }

    /// Ends the sample with a number, or `+Inf` for an end that never comes.
    pub(super) fn value_or_infinity(self, value: Option<i64>) {
        match value {
            Some(value) => self.value(value),
            None => self.end().push_str("+Inf\n"),
        }
    }

    fn end(self) -> &'a mut String {
        self.out.push_str(if self.labels { "} " } else { " " });
        self.out
    }
}

/// Writes the HELP and TYPE lines.
pub(super) fn push_header(out: &mut String, family: &Family) {
    for (keyword, text) in [("HELP", &family.help), ("TYPE", &family.kind)] {
        let _ = writeln!(out, "# {keyword} {} {text}", family.name);
    }
}

/// Escapes what would end a label value. U+0000, which some parsers take for the end of the text, is replaced.
fn push_escaped(out: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n', '\0']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        out.push_str(match characters.next() {
            Some('\\') => "\\\\",
            Some('"') => "\\\"",
            Some('\n') => "\\n",
            _ => "\u{fffd}",
        });
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_label_value_is_escaped_and_nothing_else() {
        for (value, written) in [
            ("payroll", "payroll"),
            (r#"a "b" c"#, r#"a \"b\" c"#),
            (r"C:\new", r"C:\\new"),
            ("two\nlines\n", r"two\nlines\n"),
            ("cut\0off", "cut\u{fffd}off"),
            ("Łódź 日本 \u{202e}gnp", "Łódź 日本 \u{202e}gnp"),
            ("", ""),
        ] {
            let mut out = String::new();
            Line::new(&mut out, "up").label("name", value).value(1);
            assert_eq!(out, format!("up{{name=\"{written}\"}} 1\n"));
        }
    }

    #[test]
    fn a_sample_without_labels_has_no_braces_and_no_end_is_infinite() {
        let mut out = String::new();
        Line::new(&mut out, "up").value(0);
        Line::new(&mut out, "ends").label("a", "1").label("b", "2").value_or_infinity(None);
        assert_eq!(out, "up 0\nends{a=\"1\",b=\"2\"} +Inf\n");
    }
}
