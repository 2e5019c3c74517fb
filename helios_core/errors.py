"""Every error that Helios raises on purpose.

HeliosError
├── ConfigurationError      the installation is set up wrongly
│   ├── UnsafeRole          the database role may see too much
│   ├── UnsafeSchema        the tables let users see each other's rows
│   ├── AlreadyRunning      another `helios up` has this data folder
│   └── PortTaken           another program listens there
├── DatabaseUnavailable     no database answers
│   ├── ServerFailed        the embedded server does not start or stop
│   ├── SchemaOutdated      the database waits for `helios db upgrade`
│   └── SchemaBusy          somebody uses a table that has to change
├── NotFound                there is no such thing, or the reader may not see it
├── KeyRefused              a key to the REST API is missing, wrong, revoked or expired
├── NotAllowed              the principal may not do this
│   └── NotEnabled          Helios is switched off for this user
├── Refused                 the request contradicts a rule of the data
│   ├── InvalidInput        a field has a value that cannot be
│   ├── EditConflict        somebody else saved first
│   ├── TransitionRefused   a status or phase cannot follow the present one
│   └── DuplicateEntry      it is there already
├── BackupFailed            a database could not be written to a file, or read from one
├── ImportRefused           a file cannot be read as a conversation
├── ProviderError           a model provider gave no answer
│   ├── ProviderUnreachable nothing answers at its address
│   ├── ProviderRefusedKey  it does not accept the key
│   ├── UnknownModel        it has no such model
│   ├── RequestRefused      it does not take the request as it is
│   ├── ProviderBusy        it asks to come back later
│   ├── ProviderFailed      it failed within itself
│   ├── BrokenAnswer        its answer ended early, or cannot be read
│   │   └── MisshapenAnswer its answer is whole, and not in the form that was asked for
│   └── AnswerTimedOut      its answer took too long
├── HoldLost                a worker came late: the run has ended, or another worker has it
├── PhaseLeft               a step that ends a phase was taken already
└── TelemetryError          a GPU, or its driver, does not answer

The docstring of a class is the sentence that its reader sees where no better one is given.
"""

from collections.abc import Mapping


class HeliosError(Exception):
    """Helios could not do this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])


class ConfigurationError(HeliosError):
    """Helios is not configured correctly; `helios doctor` says what to do."""


class UnsafeRole(ConfigurationError):
    """The database role of HELIOS_DATABASE_URL may see every user's rows; give it a role of its own."""


class UnsafeSchema(ConfigurationError):
    """The tables of the database do not keep users' rows apart."""


class AlreadyRunning(ConfigurationError):
    """Helios runs already with this data folder."""


class PortTaken(ConfigurationError):
    """Another program listens at this port; give Helios another one with --port."""


class DatabaseUnavailable(HeliosError):
    """The database does not answer; start it with `helios up`, or check HELIOS_DATABASE_URL."""


class ServerFailed(DatabaseUnavailable):
    """The embedded PostgreSQL server does not start."""


class SchemaOutdated(DatabaseUnavailable):
    """The database is older than this Helios; run `helios db upgrade`."""


class SchemaBusy(DatabaseUnavailable):
    """Another session holds a table that has to change; end its transaction, and try again. Nothing was lost."""


class NotFound(HeliosError):
    """There is no such thing here."""


class KeyRefused(HeliosError):
    """No such key opens this API; make one with `helios keys create`."""


class NotAllowed(HeliosError):
    """You may not do this."""


class NotEnabled(NotAllowed):
    """Helios is not enabled for you; ask an operator."""


class Refused(HeliosError):
    """This contradicts what is stored."""


class InvalidInput(Refused):
    """Some fields have values that cannot be.

    `fields` maps the name of each refused field to the sentence that belongs beside it.
    """

    def __init__(self, fields: Mapping[str, str], message: str | None = None) -> None:
        self.fields = dict(fields)
        super().__init__(message or " ".join(self.fields.values()))


class EditConflict(Refused):
    """Somebody else saved a newer version; compare it with yours and save again."""


class TransitionRefused(Refused):
    """The present state does not allow the next one."""


class DuplicateEntry(Refused):
    """This exists already."""


class BackupFailed(HeliosError):
    """The database could not be written to a file, or read from one."""


class ImportRefused(HeliosError):
    """The file cannot be read as a conversation."""


class HoldLost(HeliosError):
    """This run has ended, or another worker has taken it over; what came late was not written."""


class PhaseLeft(HeliosError):
    """The conversation has left this phase already; what would have ended it once more was not written."""


class TelemetryError(HeliosError):
    """The GPU does not answer."""


class ProviderError(HeliosError):
    """The model provider gave no answer."""

    worth_retrying = False
    """Whether the same request may succeed a little later."""


class ProviderUnreachable(ProviderError):
    """Nothing answers at the provider's address; check that the model server runs, and its address in Settings."""

    worth_retrying = True


class ProviderRefusedKey(ProviderError):
    """The provider does not accept the key; give it another one in Settings."""


class UnknownModel(ProviderError):
    """The provider has no such model; choose one of its list, or pull it there first."""


class RequestRefused(ProviderError):
    """The provider does not take this request."""


class ProviderBusy(ProviderError):
    """The provider has too much to do.

    `retry_after_seconds`: when it asks to come back; None where it does not say.
    """

    worth_retrying = True

    def __init__(self, message: str | None = None, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class ProviderFailed(ProviderError):
    """The provider failed within itself."""

    worth_retrying = True


class BrokenAnswer(ProviderError):
    """The provider's answer ended early or cannot be read."""

    worth_retrying = True


class MisshapenAnswer(BrokenAnswer):
    """The provider's answer is not in the form that was asked for.

    `text`: the whole answer; `fault`: what is wrong with it.
    """

    def __init__(self, message: str, text: str, fault: str) -> None:
        self.text = text
        self.fault = fault
        super().__init__(message)


class AnswerTimedOut(ProviderError):
    """The provider's answer took too long."""

    worth_retrying = True
