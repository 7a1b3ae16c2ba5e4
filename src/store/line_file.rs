//! A file of lines of which the last so many are kept: for what happens seldom and a person wants to look at later.
//!
//! New lines are appended and synced. Now and then the file is written anew with those that are kept, so that it never has
//! more than twice as many. A last line that a crash has torn is dropped.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::files::{read_small_file, replace_small_file};

/// The longest file that is read: far more than so many lines take.
const MOST_BYTES: u64 = 64 << 20;

/// An open file of lines.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    most: usize,
    /// The lines that are kept.
    lines: VecDeque<String>,
    /// How many there are in the file.
    written: usize,
    /// Where to append. None: the file must be written anew, for nobody knows what is in it.
    file: Option<File>,
}

impl LineFile {
    /// Opens the file, which need not be there, and reads its last so many lines.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn open(path: &Path, most: usize) -> io::Result<Self> {
        let bytes = read_small_file(path, MOST_BYTES)?.unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned();
        let mut file = Self { path: path.to_owned(), most, lines: VecDeque::new(), written: 0, file: None };
        text.lines().for_each(|line| file.keep(line.to_owned()));
        Ok(file)
    }

    /// The lines that are kept, the oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Appends lines, none of which may have a line's end in it; returns when they are on disk.
    ///
    /// # Errors
    /// When that is not so: append them again. Until then they may be in the file or not.
    pub fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let written = self.written + lines.len();
        // Taken, so that after a failure it is written anew.
        match self.file.take() {
            Some(mut file) if written <= 2 * self.most => {
                file.write_all(joined(lines.iter().map(String::as_str)).as_bytes())?;
                file.sync_data()?;
                (self.file, self.written) = (Some(file), written);
            }
            _ => {
                let all = self.lines().chain(lines.iter().map(String::as_str));
                let kept = (self.lines.len() + lines.len()).min(self.most);
                let dropped = self.lines.len() + lines.len() - kept;
                replace_small_file(&self.path, joined(all.skip(dropped)).as_bytes())?;
                (self.file, self.written) = (Some(File::options().append(true).open(&self.path)?), kept);
            }
        }
        lines.iter().for_each(|line| self.keep(line.clone()));
        Ok(())
    }

    fn keep(&mut self, line: String) {
        if self.lines.len() >= self.most {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}
