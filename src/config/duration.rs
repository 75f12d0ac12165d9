//! Durations as they are written: `30d`, `12h`, `1d 12h`, `0s`.

use std::fmt::Write;

use chrono::TimeDelta;

use super::reading::{Wrong, wrong};

/// Longer than any credential's life that Entra gives, and far from any overflow.
const LONGEST: TimeDelta = TimeDelta::days(365 * 200);

const FORM: &str = r#"write a number and a unit: "30d", "12h", "15m", "90s" or "2w""#;

/// Reads a duration of whole seconds, as it is written in the configuration.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    parse(text).map_err(|wrong| format!("{}; {}", wrong.what, wrong.instead))
}

/// Reads a duration of whole seconds.
pub(super) fn parse(text: &str) -> Result<TimeDelta, Wrong> {
    if let Some(unit) = units(text).find(|unit| is_calendar(unit)) {
        let days = if unit.starts_with('y') || unit.starts_with('Y') { r#""365d""# } else { r#""30d""# };
        return Err(wrong(
            format!("{text:?} is in months or years, which differ in length"),
            format!("write days, such as {days}"),
        ));
    }
    if text.trim().parse::<u64>().is_ok_and(|number| number > 0) {
        return Err(wrong(
            format!("{text:?} has no unit"),
            format!(r#"write the unit: "{0}d", "{0}h", "{0}m" or "{0}s""#, text.trim()),
        ));
    }
    let length = humantime::parse_duration(text).map_err(|_| wrong(format!("{text:?} is not a duration"), FORM))?;
    if length.subsec_nanos() != 0 {
        return Err(wrong(format!("{text:?} is finer than a second"), FORM));
    }
    TimeDelta::from_std(length)
        .ok()
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| wrong(format!("{text:?} is longer than 200 years"), "write a shorter duration"))
}

fn units(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty())
}

/// humantime reads `M` as a month of 30.44 days, and `y` as 365.25 days.
fn is_calendar(unit: &str) -> bool {
    unit == "M" || ["mon", "y"].iter().any(|start| unit.to_lowercase().starts_with(start))
}

/// Writes a duration as it is read: `90d`, `1d12h`, `0s`.
pub fn format_duration(length: TimeDelta) -> String {
    let mut rest = length.num_seconds();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if rest < 0 {
        text.push('-');
        rest = -rest;
    }
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            let _ = write!(text, "{}{unit}", rest / seconds);
            rest %= seconds;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds, again) in [
            ("30d", 30 * 86_400, "30d"),
            ("12h", 43_200, "12h"),
            ("15m", 900, "15m"),
            ("15min", 900, "15m"),
            ("0s", 0, "0s"),
            ("2w", 14 * 86_400, "14d"),
            ("1d 12h", 129_600, "1d12h"),
            ("36h", 129_600, "1d12h"),
            ("3 days", 3 * 86_400, "3d"),
            ("1.5h", 5_400, "1h30m"),
        ] {
            let length = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
            assert_eq!((length.num_seconds(), format_duration(length).as_str()), (seconds, again), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_told_what_to_write() {
        for (text, what) in [
            ("soon", r#""soon" is not a duration"#),
            ("", r#""" is not a duration"#),
            ("30", r#""30" has no unit"#),
            ("-3d", r#""-3d" is not a duration"#),
            ("1.d", r#""1.d" is not a duration"#),
            ("500ms", r#""500ms" is finer than a second"#),
            ("2M", r#""2M" is in months or years, which differ in length"#),
            ("1month", r#""1month" is in months or years, which differ in length"#),
            ("2y", r#""2y" is in months or years, which differ in length"#),
            ("99999999d", r#""99999999d" is longer than 200 years"#),
            ("99999999999999999999d", r#""99999999999999999999d" is not a duration"#),
        ] {
            assert_eq!(parse(text).err().map(|wrong| wrong.what).as_deref(), Some(what), "{text}");
        }
    }
}
