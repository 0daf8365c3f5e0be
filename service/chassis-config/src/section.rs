//! Sections as tables.

/// Declares a section: its struct, and the function that reads it.
///
/// A row is a key of the section with the field of the same name: its documentation, name, type and default, and then
/// the names that other conventions have for it, by the layer they belong to. A name whose value is written in another
/// way stands in parentheses with the function that rewrites it. `@live` ends the row of a key that can be changed while
/// the service runs. Defaults may use arguments of the function: `fn read(service: &str)`. Fields that are read in another
/// way stand before the rows, `with { endpoint: Option<Secret> = None, }`, and get what they have there.
///
/// The documentation of a row is what a reference of the settings says as well, beside its default and how it is written.
///
/// ```
/// use chassis_config::{Count, Sources, Timeout, load, section};
///
/// section! {
///     /// The section `mill`.
///     #[derive(Debug, PartialEq)]
///     pub struct Mill in "mill", pub fn read;
///     /// How many grind.
///     workers: Count = Count::new(4), below_file ["WEB_CONCURRENCY"], @live;
///     /// For one sack.
///     timeout: Timeout = Timeout::seconds(60), above_file ["MILL_TIMEOUT", ("MILL_MINUTES" => |text| format!("{text}m"))];
/// }
///
/// let sources = Sources::default().with_env([("WEB_CONCURRENCY", "8"), ("MILL_MINUTES", "2")]);
/// let mill = load(&sources, Mill::read).unwrap().config;
/// assert_eq!(mill, Mill { workers: Count::new(8), timeout: Timeout::seconds(120) });
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $section:ident in $name:literal,
            $readable:vis fn $read:ident $(($($argument:ident: $kind:ty),*))?
            $(with { $( $(#[$own_doc:meta])* $own:ident: $own_type:ty = $none:expr, )+ })?;
        $( $(#[doc = $doc:literal])* $field:ident: $type:ty = $default:expr
            $(, $layer:ident $names:tt)* $(, @$live:ident)?; )+
    ) => {
        $(#[$attribute])*
        $visible struct $section {
            $($( $(#[$own_doc])* pub $own: $own_type, )+)?
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\nDefault `", stringify!($default), "`.")]
                pub $field: $type,
            )+
        }

        impl $section {
            /// Reads the section.
            $readable fn $read(reader: &mut $crate::Reader $($(, $argument: $kind)*)?) -> Self {
                Self { $($($own: $none,)+)? $(
                    $field: reader
                        .key(concat!($name, ".", stringify!($field)))
                        .about(concat!($($doc),*))
                        $( .$layer($crate::names!($names)) )*
                        $( .$live() )?
                        .or($default),
                )+ }
            }
        }
    };
}

/// What stands in the brackets of a row of [`section!`](crate::section).
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ([$($name:tt),*]) => { const { &[$($crate::name!($name)),*] } };
}

/// One of them.
#[doc(hidden)]
#[macro_export]
macro_rules! name {
    ($name:literal) => {
        $crate::Legacy::same($name)
    };
    (($name:literal => $rewrite:expr)) => {
        $crate::Legacy::rewritten($name, $rewrite)
    };
    (($first:literal and $second:literal => $write:expr)) => {
        $crate::Legacy::pair([$first, $second], $write)
    };
}
