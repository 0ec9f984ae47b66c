//! A page of the documentation: its blocks of code, and the commands in them with what they print.

// Every test target is compiled with all of it and uses its part.
#![allow(dead_code)]

/// What a page leaves out of an output.
const ELISION: char = '…';

/// A fenced block.
pub(crate) struct Block {
    pub(crate) line: usize,
    /// The comment above it: a file's name, or what it is a part of.
    pub(crate) comment: String,
    /// What stands behind the fence: a language, and a file's name where it has one.
    pub(crate) info: String,
    pub(crate) text: String,
}

/// A command of the page, and what it prints.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) printed: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut comment = String::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let content = lines.by_ref().map(|(_, line)| line);
            let text: Vec<&str> = content.take_while(|line| *line != "```").collect();
            blocks.push(Block {
                line: number + 1,
                comment: std::mem::take(&mut comment),
                info: info.to_owned(),
                text: text.join("\n") + "\n",
            });
        } else if let Some(rest) = line.strip_prefix("<!-- ") {
            rest.trim_end_matches(" -->").clone_into(&mut comment);
        } else {
            comment.clear();
        }
    }
    blocks
}

/// The commands of a block of the console.
pub(crate) fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                printed: String::new(),
            }),
            (None, Some(step)) => {
                step.printed.push_str(line);
                step.printed.push('\n');
            }
            (None, None) => panic!("a block begins with a command, not {line:?}"),
        }
    }
    steps
}

/// Whether an output has what is shown of it, in that order.
pub(crate) fn has_what_is_shown(shown: &str, output: &str) -> bool {
    let mut rest = output;
    shown.trim().split(ELISION).all(|part| {
        let found = rest.split_once(part.trim());
        rest = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}

/// Whether an output is as it is shown: whole from the first line to the last, but for what is left out.
pub(crate) fn is_as_shown(shown: &str, output: &str) -> bool {
    let (shown, output) = (shown.trim(), output.trim());
    match (shown.split_once(ELISION), shown.rsplit_once(ELISION)) {
        (Some((first, _)), Some((_, last))) => {
            has_what_is_shown(shown, output) && output.starts_with(first.trim()) && output.ends_with(last.trim())
        }
        _ => output == shown,
    }
}
