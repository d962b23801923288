"""Sound devices through PortAudio: microphone, loudspeaker, playback."""
