//! What any mail consists of, whatever it is about: a subject, a heading, a run of blocks, a footer. Builders make one of these
//! from what is to be told; the HTML template and [`Letter::text`] lay it out. All text in it is harmless already (see
//! [`super::text`]) and not escaped yet.

use serde::Serialize;

use super::text::wrap;
use super::words;

/// Lines of the text part are broken here.
const WIDTH: usize = 76;

/// One mail, worded.
#[derive(Debug, Clone, Serialize)]
pub struct Letter {
    /// The language of every word in it, for screen readers.
    pub language: &'static str,
    /// Subject line.
    pub subject: String,
    /// What the list of mails shows beside the subject.
    pub preview: String,
    /// Colour of the heading.
    pub tone: Tone,
    /// Small line above the heading.
    pub kicker: String,
    /// Heading.
    pub heading: String,
    /// The body.
    pub blocks: Vec<Block>,
    /// Small print.
    pub footer: Vec<String>,
}

/// How loud something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// It is over.
    Good,
    /// For information.
    Info,
    /// Something is to be done.
    Warning,
    /// Something stops.
    Critical,
}

/// A part of a mail's body.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A heading between blocks.
    Heading {
        /// Its words.
        text: String,
    },
    /// A paragraph.
    Text {
        /// Its words.
        text: String,
    },
    /// A paragraph that must not be overlooked.
    Callout {
        /// Its colour.
        tone: Tone,
        /// Its words.
        text: String,
    },
    /// One credential.
    Card(Card),
    /// Rows and columns.
    Table(Table),
    /// What to do, in order.
    Guide(Guide),
}

/// One credential.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Colour.
    pub tone: Tone,
    /// Short state: `Critical · ends in 3 days`.
    pub label: String,
    /// The application.
    pub title: String,
    /// The credential.
    pub subtitle: String,
    /// The instant that everything turns on.
    pub lead: Option<Fact>,
    /// What depends on it, what is to be known.
    pub sentences: Vec<String>,
    /// Ids and the like.
    pub facts: Vec<Fact>,
    /// Where to do something about it.
    pub links: Vec<Link>,
    /// The command line that silences it.
    pub command: Option<Fact>,
}

/// A label and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What the value is.
    pub label: String,
    /// The value.
    pub value: String,
}

/// A link.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// Its words.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// The one to follow first.
    pub main: bool,
}

/// Rows and columns.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// Column headings.
    pub head: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// Its first line.
    pub text: String,
    /// Its second line, smaller.
    pub note: Option<String>,
    /// Where it leads.
    pub href: Option<String>,
    /// Its colour.
    pub tone: Option<Tone>,
    /// A number, set flush right.
    pub number: bool,
}

/// What to do, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Guide {
    /// Its heading.
    pub title: String,
    /// What goes before the steps.
    pub intro: Vec<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What goes after them.
    pub outro: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    pub text: String,
    /// Command lines, each of which does it.
    pub commands: Vec<Fact>,
}

impl Letter {
    /// The plain text part. It needs no template and cannot fail, so it is also what leaves when the HTML part cannot be made.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = vec![wrap(&self.heading, WIDTH, "", ""), wrap(&self.kicker, WIDTH, "", "")];
        out.extend(self.blocks.iter().map(|block| match block {
            Block::Heading { text } => format!("{}\n{}", text.to_uppercase(), "-".repeat(text.chars().count().min(WIDTH))),
            Block::Text { text } => wrap(text, WIDTH, "", ""),
            Block::Callout { text, .. } => wrap(text, WIDTH, "! ", "  "),
            Block::Card(card) => card.text(),
            Block::Table(table) => table.text(),
            Block::Guide(guide) => guide.text(),
        }));
        let footer = self.footer.iter().map(|line| wrap(line, WIDTH, "", "")).collect::<Vec<_>>().join("\n");
        words::unmarked(&format!("{}\n\n-- \n{footer}\n", out.join("\n\n")))
    }
}

impl Fact {
    fn command(&self) -> String {
        format!("     {}: {}", self.label, self.value)
    }
}

impl Card {
    fn text(&self) -> String {
        let mut lines =
            vec![wrap(&format!("[{}] {}", self.label, self.title), WIDTH, "* ", "  "), wrap(&self.subtitle, WIDTH, "  ", "  ")];
        lines.extend(self.lead.iter().map(|fact| wrap(&format!("{}: {}", fact.label, fact.value), WIDTH, "  ", "    ")));
        lines.extend(self.sentences.iter().map(|sentence| wrap(sentence, WIDTH, "  ", "  ")));
        lines.extend(self.facts.iter().map(|fact| wrap(&format!("{}: {}", fact.label, fact.value), WIDTH, "  ", "    ")));
        lines.extend(self.links.iter().map(|link| format!("  {}:\n  {}", link.label, link.href)));
        lines.extend(self.command.iter().map(|fact| format!("  {}:\n    {}", fact.label, fact.value)));
        lines.join("\n")
    }
}

impl Table {
    fn text(&self) -> String {
        let line = |row: &Vec<Cell>| {
            let texts: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).filter(|text| !text.is_empty()).collect();
            let remarks = row.iter().filter_map(|cell| cell.note.as_deref());
            let targets = row.iter().filter_map(|cell| cell.href.as_deref());
            let between = if row.last().is_some_and(|cell| cell.number) { ": " } else { " | " };
            let mut lines = vec![wrap(&texts.join(between), WIDTH, "* ", "  ")];
            lines.extend(remarks.map(|remark| wrap(remark, WIDTH, "  ", "  ")));
            lines.extend(targets.map(|href| format!("  {href}")));
            lines.join("\n")
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Guide {
    fn text(&self) -> String {
        let mut lines = vec![format!("{}\n{}", self.title, "-".repeat(self.title.chars().count().min(WIDTH)))];
        lines.extend(self.intro.iter().map(|text| wrap(text, WIDTH, "", "")));
        for (index, step) in self.steps.iter().enumerate() {
            lines.push(wrap(&step.text, WIDTH, &format!("{}. ", index + 1), "   "));
            lines.extend(step.commands.iter().map(Fact::command));
        }
        lines.extend(self.outro.iter().map(|text| wrap(text, WIDTH, "", "")));
        lines.join("\n")
    }
}
