//! What all routes have in common.

use chassis_config::{Count, section};

section! {
    /// The section `api`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Api in "api", pub fn read;
    /// Items of a page; a client may ask for four times as many (contract 4.4.17).
    page_size: Count = Count::new(25), above_file ["CST_API_DEFAULT_PAGE_SIZE"];
}
