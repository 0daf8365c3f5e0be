//! Which features a profile serves.

use chassis::config::Value;

use crate::directory::Parts;

/// A named set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Every feature.
    All,
    /// `POST /microservice`
    Message,
    /// `GET /fibonacci/list`
    Fibonacci,
    /// `GET /simple/{id}` and `GET /products`
    Catalog,
    /// `/users`, `/cities`, `/provinces` and `/roles`
    Directory,
    /// `/users`, which asks others for cities and roles
    Users,
    /// `/cities` and `/provinces`
    Regions,
    /// `/roles`
    Roles,
    /// `POST /`
    Quickstart,
}

impl Profile {
    const ALL: [Self; 9] = [
        Self::All,
        Self::Message,
        Self::Fibonacci,
        Self::Catalog,
        Self::Directory,
        Self::Users,
        Self::Regions,
        Self::Roles,
        Self::Quickstart,
    ];

    /// Whether it is `feature` or all of them.
    pub(crate) fn has(self, feature: Self) -> bool {
        self == feature || self == Self::All
    }

    /// Which parts of the directory are served.
    pub(crate) fn directory(self) -> Option<Parts> {
        let none = Parts { users: false, regions: false, roles: false };
        match self {
            Self::All | Self::Directory => Some(Parts::ALL),
            Self::Users => Some(Parts { users: true, ..none }),
            Self::Regions => Some(Parts { regions: true, ..none }),
            Self::Roles => Some(Parts { roles: true, ..none }),
            Self::Message | Self::Fibonacci | Self::Catalog | Self::Quickstart => None,
        }
    }

    /// Whether nothing but the directory is served.
    pub(crate) fn is_directory(self) -> bool {
        self != Self::All && self.directory().is_some()
    }
}

impl Value for Profile {
    const WRITE: &'static str =
        "all, message, fibonacci, catalog, directory, users, regions, roles or quickstart";

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.text() == text)
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_can_be_written() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(&profile.text()), Some(profile));
            assert!(Profile::WRITE.contains(&profile.text()));
        }
    }
}
