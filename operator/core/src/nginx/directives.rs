use std::ops::RangeInclusive;

/// What nginx 1.30 takes, in the build with all of its usual modules: name, contexts (`H`ttp,
/// `S`erver, `L`ocation, `U`pstream, `I`f in a server, `J` for an if in a location, `X` for
/// `limit_except`), number of arguments, then `{` for a block, `+` for what may stand twice in one block,
/// `?` for `on` or `off`. A test asks the real nginx whether it knows each.
pub const DIRECTIVES: &str = include_str!("directives.txt");

/// Where a directive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // nginx's own names.
pub enum Place {
    Http,
    Server,
    Location,
    Upstream,
    ServerIf,
    LocationIf,
    LimitExcept,
}

impl Place {
    fn letter(self) -> char {
        match self {
            Self::Http => 'H',
            Self::Server => 'S',
            Self::Location => 'L',
            Self::Upstream => 'U',
            Self::ServerIf => 'I',
            Self::LocationIf => 'J',
            Self::LimitExcept => 'X',
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Server => "server",
            Self::Location => "location",
            Self::Upstream => "upstream",
            Self::ServerIf | Self::LocationIf => "if",
            Self::LimitExcept => "limit_except",
        }
    }
}

/// What nginx knows of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    places: &'a str,
    /// How many arguments it takes.
    pub arguments: RangeInclusive<usize>,
    /// It has braces.
    pub is_block: bool,
    /// It may stand more than once in a block.
    pub repeats: bool,
    /// Its argument is `on` or `off`.
    pub is_switch: bool,
}

impl Known<'_> {
    /// May it stand there?
    pub fn is_allowed(&self, place: Place) -> bool {
        self.places.contains(place.letter())
    }

    /// Where it may stand, for people.
    pub fn places(&self) -> String {
        let all = [Place::Http, Place::Server, Place::Location, Place::Upstream, Place::LocationIf];
        let names: Vec<_> =
            all.into_iter().filter(|place| self.is_allowed(*place)).map(Place::name).collect();
        names.join(", ")
    }
}

/// Looks a directive up.
pub fn known(name: &str, place: Place) -> Option<Known<'static>> {
    // A block in http, a line in upstream.
    if name == "server" {
        let block = place != Place::Upstream;
        let arguments = if block { 0..=0 } else { 1..=usize::MAX };
        let places = if block { "H" } else { "U" };
        return Some(Known { places, arguments, is_block: block, repeats: true, is_switch: false });
    }
    DIRECTIVES.lines().find_map(|line| {
        let mut words = line.split(' ');
        if words.next() != Some(name) {
            return None;
        }
        let (places, arguments) = (words.next()?, range(words.next()?)?);
        let marks = words.next().unwrap_or_default();
        let is_block = marks.contains('{');
        Some(Known {
            places,
            arguments,
            is_block,
            repeats: is_block || marks.contains('+'),
            is_switch: marks.contains('?'),
        })
    })
}

/// `2`, `1-3` or `1-`.
fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    Some(first.parse().ok()?..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_can_be_read() {
        for line in DIRECTIVES.lines() {
            let name = line.split(' ').next().unwrap();
            let known = known(name, Place::Http).unwrap();
            assert!(!known.places().is_empty() || known.places == "X" || known.places == "I", "{line}");
        }
    }
}
