//! Reads a configuration key by key, from the environment first and then from the file, and collects every fault instead
//! of stopping at the first.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    time::Duration,
};

use bytesize::ByteSize;
use toml::{Table, Value};

/// What every variable of ours begins with. Those without the double underscore further on (`CURFEW_SERVER`, and what
/// Kubernetes makes up for a service called curfew) are not configuration.
const PREFIX: &str = "CURFEW_";

/// Something wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key: `issuer[0].audiences`.
    pub key: String,
    /// What is wrong with it and what to do.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// What all sections share while a configuration is read.
pub(super) struct Source {
    env: BTreeMap<String, String>,
    /// Which variables were asked for.
    used: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<Fault>>,
}

/// One table of the configuration.
pub(super) struct Section<'a> {
    source: &'a Source,
    /// `issuer[0]`; empty for the top.
    path: String,
    /// `CURFEW_ISSUER__0__`.
    env_prefix: String,
    table: Option<&'a Table>,
    known: Vec<&'static str>,
}

impl Source {
    pub(super) fn new(env: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours =
            env.into_iter().filter(|(name, _)| name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__")));
        Self { env: ours.collect(), used: RefCell::default(), faults: RefCell::default() }
    }

    pub(super) fn top<'a>(&'a self, table: &'a Table) -> Section<'a> {
        Section {
            source: self,
            path: String::new(),
            env_prefix: PREFIX.to_owned(),
            table: Some(table),
            known: Vec::new(),
        }
    }

    /// All faults, variables that nobody asked for among them.
    pub(super) fn faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        let used = self.used.into_inner();
        for name in self.env.keys().filter(|name| !used.contains(*name)) {
            let text = format!("is not a configuration key{}", nearest(name, used.iter().map(String::as_str)));
            faults.push(Fault { key: name.clone(), text });
        }
        faults
    }
}

impl<'a> Section<'a> {
    /// Reports a fault of a key of this table.
    pub(super) fn fault(&self, key: &str, text: impl Into<String>) {
        let key = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.source.faults.borrow_mut().push(Fault { key, text: text.into() });
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "a string", |value| value.as_str().map(str::to_owned), |text| Some(text.to_owned()))
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> Option<String> {
        let found = self.text(key).filter(|text| !text.is_empty());
        if found.is_none() && !self.has_fault(key) {
            self.fault(key, "must be set");
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", Value::as_bool, |text| text.parse().ok())
    }

    /// Texts. In the environment they are separated by commas.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<String>> {
        let of_array = |value: &Value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        // A TOML list here would be cut at its commas, brackets and all.
        let of_env =
            |text: &str| (!text.starts_with('[')).then(|| text.split(',').map(|item| item.trim().to_owned()).collect());
        self.read(key, "a list of strings (in a variable: with commas, without brackets)", of_array, of_env)
    }

    /// A length of time, as `1h 30m`.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        match humantime::parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.fault(key, format!("{text:?} is not a length of time as \"90s\" or \"24h\": {error}"));
                None
            }
        }
    }

    /// A length of time that is not zero.
    pub(super) fn positive_duration(&mut self, key: &'static str) -> Option<Duration> {
        let duration = self.duration(key)?;
        if duration.is_zero() {
            self.fault(key, "must not be zero");
        }
        Some(duration)
    }

    /// A whole number within a range.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let of_file = |value: &Value| u64::try_from(value.as_integer()?).ok();
        let number = self.read(key, "a whole number", of_file, |text| text.parse().ok())?;
        if !range.contains(&number) {
            self.fault(key, format!("is {number}; it must be between {} and {}", range.start(), range.end()));
        }
        Some(number)
    }

    /// A number of bytes, as `64 MiB`.
    pub(super) fn bytes(&mut self, key: &'static str) -> Option<u64> {
        let text = self.text(key)?;
        match text.parse::<ByteSize>() {
            Ok(size) => Some(size.as_u64()),
            Err(error) => {
                self.fault(key, format!("{text:?} is not a number of bytes as \"64 MiB\" or \"0\": {error}"));
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            let nearest = nearest(&text, choices.iter().map(|(word, _)| *word));
            self.fault(key, format!("{text:?} is none of {}{nearest}", words.join(", ")));
        }
        found
    }

    /// A table in this one.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        self.known.push(key);
        let table = match self.table.and_then(|table| table.get(key)) {
            None => None,
            Some(Value::Table(table)) => Some(table),
            Some(_) => {
                self.fault(key, "must be a table");
                None
            }
        };
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Section {
            source: self.source,
            path,
            env_prefix: format!("{}{}__", self.env_prefix, key.to_uppercase()),
            table,
            known: Vec::new(),
        }
    }

    /// A list of tables in this one: as many as the file has, or as the environment counts up to.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let tables: &[Value] = match self.table.and_then(|table| table.get(key)) {
            None => &[],
            Some(Value::Array(tables)) => tables,
            Some(_) => {
                self.fault(key, format!("must be a list of tables: [[{key}]]"));
                &[]
            }
        };
        self.known.push(key);
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let env_prefix = format!("{}{}__", self.env_prefix, key.to_uppercase());
        let in_env = |index: usize| {
            let prefix = format!("{env_prefix}{index}__");
            self.source.env.keys().any(|name| name.starts_with(&prefix))
        };
        let mut sections = Vec::new();
        while sections.len() < tables.len() || in_env(sections.len()) {
            let index = sections.len();
            sections.push(Section {
                source: self.source,
                path: format!("{path}[{index}]"),
                env_prefix: format!("{env_prefix}{index}__"),
                table: tables.get(index).and_then(Value::as_table),
                known: Vec::new(),
            });
        }
        sections
    }

    /// A section that need not be there.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let in_file = self.table.is_some_and(|table| table.contains_key(key));
        let section = self.section(key);
        let in_env = section.source.env.keys().any(|name| name.starts_with(&section.env_prefix));
        (in_file || in_env).then_some(section)
    }

    /// Which of its keys are set.
    pub(super) fn set_keys(&self, keys: &[&'static str]) -> Vec<&'static str> {
        let is_set = |key: &&&'static str| {
            self.table.is_some_and(|table| table.contains_key(**key))
                || self.source.env.contains_key(&format!("{}{}", self.env_prefix, key.to_uppercase()))
        };
        keys.iter().filter(is_set).copied().collect()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let unknown =
            self.table.into_iter().flat_map(|table| table.keys()).filter(|key| !self.known.contains(&key.as_str()));
        for key in unknown {
            self.fault(key, format!("is not a configuration key{}", nearest(key, self.known.iter().copied())));
        }
    }

    fn has_fault(&self, key: &str) -> bool {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.source.faults.borrow().iter().any(|fault| fault.key == path)
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        from_file: impl Fn(&Value) -> Option<T>,
        from_env: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let name = format!("{}{}", self.env_prefix, key.to_uppercase());
        self.source.used.borrow_mut().insert(name.clone());
        if let Some(text) = self.source.env.get(&name) {
            let value = from_env(text);
            if value.is_none() {
                self.fault(key, format!("must be {expected} (it is set by the variable {name})"));
            }
            return value;
        }
        let value = self.table?.get(key)?;
        let read = from_file(value);
        if read.is_none() {
            self.fault(key, format!("must be {expected}"));
        }
        read
    }
}

/// `; did you mean …?`, if there is anything near.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let scored = candidates.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    match scored.min() {
        Some((distance, candidate)) if distance <= candidate.len() / 2 => format!("; did you mean {candidate}?"),
        _ => String::new(),
    }
}
