//! What commands print. Whoever reads may go away, as `head` does: that ends a command and is no panic.

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => {
        std::io::Write::write_fmt(&mut std::io::stdout().lock(), format_args!("{}\n", format_args!($($text)*)))
    };
}

/// A line on standard error; nobody needs to read it.
macro_rules! complain {
    ($($text:tt)*) => {
        _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {complain, say};
