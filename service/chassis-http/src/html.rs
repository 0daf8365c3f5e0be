//! Text that is not markup.

use std::fmt;

/// `text` as it is to be read, wherever it stands in a page.
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let (plain, special) = match part.char_indices().next_back() {
                Some((at, '&')) => (&part[..at], "&amp;"),
                Some((at, '<')) => (&part[..at], "&lt;"),
                Some((at, '>')) => (&part[..at], "&gt;"),
                Some((at, '"')) => (&part[..at], "&quot;"),
                Some((at, '\'')) => (&part[..at], "&#39;"),
                _ => (part, ""),
            };
            out.write_str(plain)?;
            out.write_str(special)?;
        }
        Ok(())
    }
}

/// A text with `code` in it, as doc comments have it.
pub struct Marked<'a>(pub &'a str);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.split('`').enumerate() {
            if index % 2 == 1 {
                write!(out, "<code>{}</code>", Text(part))?;
            } else {
                write!(out, "{}", Text(part))?;
            }
        }
        Ok(())
    }
}

/// The same in paragraphs, which have an empty line between them.
pub struct Paragraphs<'a>(pub &'a str);

impl fmt::Display for Paragraphs<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paragraphs = self.0.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        paragraphs.map(Marked).try_for_each(|paragraph| writeln!(out, "<p>{paragraph}</p>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(Text("<a href=\"x\">'é&lt;").to_string(), "&lt;a href=&quot;x&quot;&gt;&#39;é&amp;lt;");
        assert_eq!(
            Paragraphs("Use `a<b`.\n\n\nThen").to_string(),
            "<p>Use <code>a&lt;b</code>.</p>\n<p>Then</p>\n"
        );
        assert_eq!(Text("").to_string(), "");
    }
}
