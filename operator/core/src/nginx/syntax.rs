//! nginx's syntax: words, quotes, braces, semicolons.

/// A directive with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Where its name stands, from 1.
    pub line: usize,
    /// Its first word.
    pub name: String,
    /// Its other words, without their quotes.
    pub arguments: Vec<String>,
    /// What stands in its braces, if it has any.
    pub block: Option<Vec<Directive>>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Fault {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// nginx reads in pieces of this size; a word has to fit in one.
const MAX_WORD: usize = 4096;
/// Blocks in blocks; deeper ones nobody can read.
const MAX_DEPTH: usize = 16;

/// Reads a part of a configuration that is whole in itself: it closes what it opens, and no more.
pub fn parse(text: &str) -> Result<Vec<Directive>, Fault> {
    let mut reader = Reader { rest: text.chars().peekable(), line: 1 };
    reader.block(0, None)
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

/// What ends a row of words, or is one.
enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
    End,
}

impl Reader<'_> {
    /// Directives up to the brace that closes the block opened on line `opened`, or to the end.
    fn block(&mut self, depth: usize, opened: Option<usize>) -> Result<Vec<Directive>, Fault> {
        let mut directives = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut begun = 1;
        loop {
            let token = self.token()?;
            let line = self.line;
            match token {
                Token::Word(word) => {
                    if words.is_empty() {
                        begun = line;
                    }
                    words.push(word);
                }
                Token::Semicolon | Token::Open if words.is_empty() => {
                    return Err(Fault::new(line, "; or { without a directive before it: remove it"));
                }
                Token::Semicolon => directives.push(directive(begun, &mut words, None)),
                Token::Open => {
                    if depth == MAX_DEPTH {
                        return Err(Fault::new(line, format!("more than {MAX_DEPTH} blocks in each other")));
                    }
                    let block = self.block(depth + 1, Some(line))?;
                    directives.push(directive(begun, &mut words, Some(block)));
                }
                Token::Close | Token::End if !words.is_empty() => {
                    let name = words.first().map(String::as_str).unwrap_or_default();
                    return Err(Fault::new(
                        begun,
                        format!("{name} is not ended: write ; after its last argument"),
                    ));
                }
                Token::Close if opened.is_none() => {
                    return Err(Fault::new(line, "} closes a block that is not opened here: remove it"));
                }
                Token::End if opened.is_some() => {
                    let opened = opened.unwrap_or(line);
                    return Err(Fault::new(
                        opened,
                        "the block opened here is not closed: write } at its end",
                    ));
                }
                Token::Close | Token::End => return Ok(directives),
            }
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        loop {
            match self.rest.peek().copied() {
                None => return Ok(Token::End),
                Some(c) if is_space(c) => {
                    self.next();
                }
                Some('#') => {
                    while self.rest.peek().is_some_and(|c| *c != '\n') {
                        self.next();
                    }
                }
                Some(c) => {
                    return Ok(match c {
                        ';' => self.mark(Token::Semicolon),
                        '{' => self.mark(Token::Open),
                        '}' => self.mark(Token::Close),
                        '"' | '\'' => Token::Word(self.quoted(c)?),
                        _ => Token::Word(self.bare()?),
                    });
                }
            }
        }
    }

    fn mark(&mut self, token: Token) -> Token {
        self.next();
        token
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// Up to the same quote again; a backslash takes away the next character's meaning.
    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let opened = self.line;
        let mut word = String::new();
        self.next();
        loop {
            match self.next() {
                None => {
                    return Err(Fault::new(
                        opened,
                        format!("the text begun here is not ended: write {quote}"),
                    ));
                }
                Some(c) if c == quote => break,
                Some(c) => self.take(c, &mut word),
            }
            fits(opened, &word)?;
        }
        match self.rest.peek() {
            None | Some(';' | '{' | ')') => Ok(word),
            Some(c) if is_space(*c) => Ok(word),
            Some(c) => {
                Err(Fault::new(self.line, format!("{c} follows a quote: write a blank or ; between them")))
            }
        }
    }

    /// Up to a blank, `;` or `{`; the brace of `${name}` is a part of the word.
    fn bare(&mut self) -> Result<String, Fault> {
        let mut word = String::new();
        let mut dollar = false;
        while let Some(c) = self.rest.peek().copied() {
            if is_space(c) || c == ';' || (c == '{' && !dollar) {
                break;
            }
            dollar = c == '$';
            self.next();
            self.take(c, &mut word);
            fits(self.line, &word)?;
        }
        Ok(word)
    }

    fn take(&mut self, c: char, word: &mut String) {
        if c != '\\' {
            word.push(c);
            return;
        }
        match self.next() {
            Some(c @ ('"' | '\'' | '\\')) => word.push(c),
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some(c) => word.extend(['\\', c]),
            None => word.push('\\'),
        }
    }
}

fn directive(line: usize, words: &mut Vec<String>, block: Option<Vec<Directive>>) -> Directive {
    let mut words = std::mem::take(words).into_iter();
    Directive { line, name: words.next().unwrap_or_default(), arguments: words.collect(), block }
}

fn fits(line: usize, word: &str) -> Result<(), Fault> {
    if word.len() < MAX_WORD {
        return Ok(());
    }
    Err(Fault::new(line, format!("a word of {MAX_WORD} bytes or more: is a quote missing at its end?")))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn words_quotes_comments_and_blocks_are_told_apart() {
        let text = "a 'b c' \"d\\\"e\" ${x}{y; # no; {\nlocation / {\n  return 200 \"};\";\n}\n";
        let found = parse(text);
        // The second brace is no part of a variable's name.
        assert!(found.is_err(), "{found:?}");
        let found =
            parse("a 'b c' \"d\\\"e\" x${x}#y; # no; {\nlocation / {\n  return 200 \"};\";\n}\n").unwrap();
        assert_eq!(found[0].arguments, ["b c", "d\"e", "x${x}#y"]);
        assert_eq!((found[1].line, &*found[1].name), (2, "location"));
        let inner = &found[1].block.as_ref().unwrap()[0];
        assert_eq!((inner.line, &inner.arguments), (3, &vec!["200".to_owned(), "};".to_owned()]));
    }

    #[rstest]
    #[case("gzip on", 1, "write ; after its last argument")]
    #[case("gzip on\n}", 1, "write ; after its last argument")]
    #[case("\n}", 2, "closes a block that is not opened here")]
    #[case("location / {\n gzip on;\n", 1, "write } at its end")]
    #[case("\nadd_header X \"a;\n", 2, "write \"")]
    #[case("add_header X \"a\"b;", 1, "follows a quote")]
    #[case(";", 1, "without a directive")]
    #[case("{}", 1, "without a directive")]
    fn a_slip_is_named_with_its_line(#[case] text: &str, #[case] line: usize, #[case] says: &str) {
        let fault = parse(text).unwrap_err();
        assert_eq!(fault.line, line, "{fault:?}");
        assert!(fault.message.contains(says), "{fault:?}");
    }
}
