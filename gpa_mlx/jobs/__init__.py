"""Use cases: what the command line and the app do for a user, without either of them.

A job is planned once and then runs as a stream of events:

    job = SpeakJob(engine, SpeakRequest(text=..., voice=..., options=..., output=AudioTarget(path=...)))
    with closing(job.run()) as events:
        for event in events:
            ...

The constructor checks the request and plans: what cannot be read, said or written is refused there, before any work.
`run` yields the events of `gpa_mlx.jobs.events`; it writes, tags and keeps checkpoints itself, and needs neither a
terminal nor a loudspeaker: front ends show the events and play the audio in them. Closing the stream cancels within a
token, and so does the `CancelScope` it runs in; what was done until then is in `job.result`. A job runs on any thread
that may use its engine.

`SpeakJob` (text to speech), `ConvertJob` (voice conversion), `EnrollJob` (a voice from recordings) and `DetokenizeJob`
(tokens to a WAV file) each have a module of their own.
"""
