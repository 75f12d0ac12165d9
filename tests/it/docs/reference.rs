//! What the documents repeat of the program: docs/configuration.md is written by the code, and what the doctor says is what it says.

use std::fmt::Write as _;
use std::fs;

use entrawatch::config::reference::sections;
use entrawatch::config::{Key, Need, Section};

use super::pages::{pages, root};

const INTRODUCTION: &str = "\
# Configuration

Every key. This page is written by the code that reads them, and a test keeps it so; `entrawatch config example` prints the same as a file to start from.

Defaults < file < environment: the later wins. The file is `--config`, else `ENTRAWATCH_CONFIG`, else `/etc/entrawatch/entrawatch.toml`, else none. With no file the
variables of the Azure SDK (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`, …) describe the one tenant.

- **Environment.** `http.listen` is `ENTRAWATCH__HTTP__LISTEN`; a list has commas. Lists of tables (`[[tenant]]`, `[[route]]`, `[[ignore]]`) are for the file only.
- **Durations** are a number and a unit: `90s`, `15m`, `12h`, `30d`, `2w`.
- **Paths** are relative to the file that they stand in. A store that is not configured is in the service's state directory (`/var/lib/entrawatch`) where systemd or the image names one, else beside the file.
- **A secret** is written in one of three ways: `NAME = \"the secret itself\"`, `NAME_file = \"a file that holds it\"`, `NAME_env = \"the variable that holds it\"`. A file is read again when it changes.
- **An unknown key is an error,** with a suggestion. `entrawatch config check` names every problem at once, each with its path, what is wrong and what to write.
";

/// The doctor's answer to a secret that has ended, as the tests of the doctor keep it.
#[test]
fn what_the_documents_let_the_doctor_say_is_what_it_says() {
    let said = include_str!("../doctor/snapshots/ended-secret.snap");
    let text = pages().into_iter().find(|page| page.path.ends_with("docs/troubleshooting.md")).unwrap();
    let block = text.blocks().into_iter().find(|block| block.language == "text").unwrap();
    for line in block.text.lines() {
        assert!(said.contains(&line.replace("graph.microsoft.com", "GRAPH-HOST")), "{line}");
    }
}

#[test]
fn the_reference_of_the_configuration_is_what_the_code_reads() {
    let mut page = INTRODUCTION.to_owned();
    for section in sections() {
        write_section(&mut page, &section);
    }
    let path = root().join("docs/configuration.md");
    if fs::read_to_string(&path).unwrap_or_default() != page {
        let fresh = root().join("target/configuration.md");
        fs::write(&fresh, page).unwrap();
        panic!("docs/configuration.md is not what the code reads; look at {} and copy it there", fresh.display());
    }
}

fn write_section(page: &mut String, section: &Section) {
    let heading = match (section.heading, section.kind) {
        ("", _) => "The top of the file".to_owned(),
        (heading, None) => format!("`{heading}`"),
        (heading, Some(kind)) => format!("`{heading}` with `kind = \"{kind}\"`"),
    };
    writeln!(page, "\n## {heading}\n").unwrap();
    if !section.heading.is_empty() {
        writeln!(page, "{}\n", section.doc).unwrap();
    }
    writeln!(page, "| key | takes | default | |\n|---|---|---|---|").unwrap();
    // Keys without a word are tables, with a section of their own.
    for key in section.keys.iter().filter(|key| !key.doc.is_empty()) {
        writeln!(page, "{}", row(key)).unwrap();
    }
}

fn row(key: &Key) -> String {
    let (default, note) = match key.need {
        Need::Required => ("required".to_owned(), String::new()),
        Need::Optional => (String::new(), String::new()),
        Need::Default(toml) => (format!("`{toml}`"), String::new()),
        Need::Later(instead) => (String::new(), format!(" **Not in this version:** {instead}.")),
    };
    format!("| `{}` | {} | {} | {}{} |", key.name, cell(key.form), cell(&default), cell(key.doc), cell(&note))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
