"""What people tell a gallery: names, who is the same and who is not; all of it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from uuid import UUID, uuid4

from rga.checks import check_at_least
from rga.gallery.opened import OpenGallery
from rga.gallery.results import Action, Person, Sighting
from rga.gallery.store.actions import find_action, last_action, list_actions, made_by, undo
from rga.gallery.store.people import (
    assign_sightings,
    everybody,
    find_person,
    hide_person,
    judge,
    list_people,
    merge_people,
    name_person,
    read_person,
)
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.sightings import read_sightings


class Corrections(OpenGallery):
    """The part of a gallery that is about people."""

    def people(self, part: str = "", *, limit: int = 100, offset: int = 0) -> list[Person]:
        """People by name, those without one last.

        Args:
            part: of the name, in any case; empty for all.
            limit: how many at most.
            offset: how many are left out first.

        Raises:
            InputError: a number is too small.
        """
        check_at_least(1, limit=limit)
        check_at_least(0, offset=offset)
        return self.database.run(lambda connection: list_people(connection, part, limit, offset), reads=True)

    def person(self, person: UUID) -> Person:
        """One person; who was merged into another is that one.

        Raises:
            GalleryError: the person is not there.
        """
        return self.database.run(lambda connection: read_person(connection, person), reads=True)

    def find(self, named: str) -> Person:
        """The person of a name, or of an identifier as text.

        Raises:
            GalleryError: there is none, or the name is empty.
        """
        return self.database.run(lambda connection: read_person(connection, find_person(connection, named)), reads=True)

    def sightings(self, person: UUID, *, limit: int | None = None) -> list[Sighting]:
        """Where and when somebody was seen, in the order of time; unknown times come last.

        Raises:
            GalleryError: the person is not there.
            InputError: the limit is below 1.
        """
        check_at_least(1, limit=1 if limit is None else limit)

        def work(connection: Connection) -> list[Sighting]:
            return read_sightings(
                connection, "s.person = ANY(%s)", [everybody(connection, person)], "s.time NULLS LAST, s.source, s.frame, s.sighting", limit
            )

        return self.database.run(work, reads=True)

    def name(self, person: UUID, name: str) -> Action:
        """Names a person; an empty name takes it away.

        Raises:
            GalleryError: another person has the name, or the person is not there.
        """
        return self.acting(lambda connection, action: name_person(connection, action, person, name))

    def merge(self, into: UUID, others: Sequence[UUID]) -> Action:
        """Makes several people one, who keeps the name of ``into``, or takes the first that there is; hidden if one of them was.

        Raises:
            GalleryError: one of them is not there, or there is nobody to merge.
        """
        return self.acting(lambda connection, action: merge_people(connection, action, into, others))

    def split(self, sightings: Sequence[UUID], name: str = "") -> Person:
        """Says that some sightings show somebody who is not yet there, whoever they were taken for.

        Raises:
            GalleryError: one of them is not there, or another person has the name.
        """
        action = self.split_off(sightings, name)
        return self.database.run(lambda connection: read_person(connection, made_by(action.id)))  # a replica may not know it yet

    def split_off(self, sightings: Sequence[UUID], name: str = "") -> Action:
        """The same as ``split``, for who wants to undo it: what was done, by which ``store.actions.made_by`` tells the new person.

        Raises:
            GalleryError: one of them is not there, or another person has the name.
        """
        return self.acting(lambda connection, action: assign_sightings(connection, action, sightings, None, name))

    def assign(self, sightings: Sequence[UUID], person: UUID) -> Action:
        """Says that some sightings show a person, whoever they were taken for.

        Raises:
            GalleryError: one of them is not there.
        """
        return self.acting(lambda connection, action: assign_sightings(connection, action, sightings, person))

    def hide(self, person: UUID, hidden: bool = True) -> Action:
        """Leaves a person out of all searches, or takes the person in again.

        Raises:
            GalleryError: the person is not there.
        """
        return self.acting(lambda connection, action: hide_person(connection, action, person, hidden))

    def same(self, one: UUID, other: UUID) -> Action:
        """Says that two images show the same person: a search with one finds the other first. People of two sightings become one.

        Args:
            one: a sighting, or an image of ``SearchResult.query``.
            other: another; at least one is a sighting.

        Raises:
            GalleryError: they are one, or none is a sighting.
        """
        return self.acting(lambda connection, action: judge(connection, action, one, other, True))

    def not_same(self, one: UUID, other: UUID) -> Action:
        """Says that two images show different people: a search with one finds neither the other, nor the person on it, any more.

        Where nobody is known on a sighting, it holds for all of its track. It goes on to hold when the sighting is removed.

        Args:
            one: a sighting, or an image of ``SearchResult.query``.
            other: another; at least one is a sighting.

        Raises:
            GalleryError: they are one, or none is a sighting.
        """
        return self.acting(lambda connection, action: judge(connection, action, one, other, False))

    def actions(self, limit: int = 20) -> list[Action]:
        """The latest actions that can be undone, the last one first.

        Raises:
            InputError: the limit is below 1.
        """
        check_at_least(1, limit=limit)
        return self.database.run(lambda connection: list_actions(connection, limit), reads=True)

    def undo(self, action: UUID | None = None) -> Action:
        """Undoes an action.

        Args:
            action: which; None for the last one.

        Raises:
            GalleryError: there is nothing to undo, a later action is about the same people, or a name was given to somebody else since.
        """
        chosen = self.database.run(last_action) if action is None else action
        tries = count()
        return self.database.run(lambda connection: undo(connection, chosen, again=next(tries) > 0))

    def acting(self, work: Callable[[Connection, UUID], None]) -> Action:
        """Does an action; once, also where it is tried again because the answer was lost."""
        identifier = uuid4()

        def whole(connection: Connection) -> Action:
            if (done := find_action(connection, identifier)) is None:
                work(connection, identifier)
                done = find_action(connection, identifier)
            assert done is not None
            return done

        return self.database.run(whole)
