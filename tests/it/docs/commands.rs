//! Every command line of the documents is one that the program accepts.

use entrawatch::cli;

use super::pages::{Page, pages};

#[test]
fn every_command_line_is_one_that_the_program_accepts() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for line in lines(&page) {
            seen += 1;
            // --help and --version come as errors of code 0.
            if let Err(error) = cli::grammar().try_get_matches_from(words(&line))
                && error.exit_code() != 0
            {
                wrong.push(format!(
                    "{}: {line}\n  {}",
                    page.path.display(),
                    error.to_string().lines().next().unwrap_or_default()
                ));
            }
        }
    }
    assert!(seen > 20, "found only {seen}");
    assert!(wrong.is_empty(), "{} of {seen} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What stands in shell blocks and in `backticks`, from `entrawatch` on.
pub fn lines(page: &Page) -> Vec<String> {
    let blocks = page.blocks().into_iter().filter(|block| matches!(block.language.as_str(), "sh" | "console"));
    let shell: Vec<String> =
        blocks.flat_map(|block| block.text.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let prose = page.prose();
    let spans = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    let with_arguments = |line: &str| line.starts_with("entrawatch ");
    let by_cargo = |line: &str| line.strip_prefix("cargo run -- ").map(|rest| format!("entrawatch {rest}"));
    shell.into_iter().chain(spans).filter_map(|line| by_cargo(&line).or_else(|| with_arguments(&line).then_some(line))).collect()
}

/// The line as a shell cuts it, with a date for `DATE`.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut begun) = (false, true);
    for c in line.split(" #").next().unwrap_or_default().chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(String::new());
                }
                begun = false;
            }
            c => {
                words.last_mut().unwrap().push(c);
                begun = true;
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words.into_iter().map(|word| if word == "DATE" { "2027-01-31".to_owned() } else { word }).collect()
}
